import { invalidParameter, ProviderError } from './errors.ts';

/** A form as it came, flat: `metadata[orderKey]` is one name. */
export type Form = ReadonlyMap<string, string>;

export function parseForm(text: string): Form {
  return new Map(new URLSearchParams(text));
}

/** Refuses what the sandbox does not know, as Stripe does: a misspelt parameter is never ignored. */
export function allowOnly(form: Form, names: readonly string[]): void {
  for (const name of form.keys()) {
    const root = name.replace(/\[.*$/, '');
    if (!names.includes(root)) {
      throw invalidParameter(
        root,
        `Received unknown parameter: ${root} (or the sandbox does not know it)`,
        'parameter_unknown',
      );
    }
  }
}

export function required(form: Form, name: string): string {
  const value = form.get(name);
  if (value === undefined || value === '') {
    throw invalidParameter(name, `Missing required param: ${name}.`, 'parameter_missing');
  }
  return value;
}

/** A whole number of 1 or more. */
export function positiveInteger(value: string, name: string): number {
  if (!/^[0-9]{1,15}$/.test(value) || Number(value) < 1) {
    throw invalidParameter(
      name,
      `Invalid integer: ${value}; expected 1 or more`,
      'parameter_invalid_integer',
    );
  }
  return Number(value);
}

export function metadata(form: Form): Record<string, string> {
  const entries: [string, string][] = [];
  for (const [name, value] of form) {
    const key = /^metadata\[([^\]]{1,40})\]$/.exec(name)?.[1];
    if (key !== undefined) entries.push([key, value]);
    else if (name.startsWith('metadata')) {
      throw new ProviderError(400, {
        type: 'invalid_request_error',
        message: 'Metadata keys have 1 to 40 characters',
        param: 'metadata',
      });
    }
  }
  return Object.fromEntries(entries);
}
