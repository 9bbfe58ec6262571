import type { StandardSchemaV1 } from '@standard-schema/spec';
import { EventRejectedError } from './codes.ts';
import { cut, whatCame } from './json.ts';

/**
 * What a schema makes of an event's data; a promise only where the schema answers with one.
 *
 * @throws EventRejectedError `malformed`, or `unknown-version` when the field `version` is not what the schema takes;
 * its reason names each field, what was expected and what came.
 */
export function validate<Schema extends StandardSchemaV1>(
  schema: Schema,
  data: unknown,
): StandardSchemaV1.InferOutput<Schema> | Promise<StandardSchemaV1.InferOutput<Schema>> {
  const answer = schema['~standard'].validate(data);
  return answer instanceof Promise
    ? answer.then((result) => valueOf(result, data))
    : valueOf(answer, data);
}

function valueOf<Output>(result: StandardSchemaV1.Result<Output>, data: unknown): Output {
  if (!result.issues) return result.value;
  const issues = result.issues.map(({ path = [], message }) => {
    const steps = path.map((step) => (typeof step === 'object' ? step.key : step));
    const field = steps.map(String).join('.') || 'data';
    // Validators say what they expected, but not always what came.
    const came = message.includes('received') ? '' : `, received ${whatCame(at(data, steps))}`;
    return { field, reason: `${field}: ${message}${came}` };
  });
  // Another version may have other fields too.
  const otherVersion =
    issues.some(({ field }) => field === 'version') && at(data, ['version']) !== undefined;
  throw new EventRejectedError(
    otherVersion ? 'unknown-version' : 'malformed',
    cut(issues.map(({ reason }) => reason).join('; '), 1_000),
  );
}

function at(data: unknown, steps: readonly PropertyKey[]): unknown {
  return steps.reduce<unknown>(
    (value, step) => (value as Record<PropertyKey, unknown> | null | undefined)?.[step],
    data,
  );
}
