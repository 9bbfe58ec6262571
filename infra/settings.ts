import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { UserError } from '../src/platform/errors.ts';
import { DEPLOYMENT_FIELDS } from './deploymentSettings.ts';

/** Where the settings are unless another file is named. */
const SETTINGS_FILE = 'waybill.aws.json';
const EXAMPLE = 'infra/waybill.aws.example.json';

const account = z
  .string()
  .regex(/^\d{12}$/)
  .meta({ description: 'an AWS account ID, a text of 12 digits' });

/** What differs from one AWS account to the next. Secrets are named here, never given. */
const schema = z.strictObject({
  account,
  region: z
    .string()
    .regex(/^[a-z]{2}(-[a-z]+)+-\d$/)
    .meta({ description: 'an AWS region such as eu-central-1' }),
  /** The bus of the account where security keeps what happened, out of reach of this one. */
  securityBusArn: z
    .string()
    .regex(/^arn:aws[\w-]*:events:[\w-]+:\d{12}:event-bus\/[\w./-]+$/)
    .meta({ description: 'the ARN of an EventBridge bus' }),
  /** Whose queues may be subscribed to the changes of orders' states, besides this account's; nobody's by default. */
  consumerAccounts: z
    .array(account)
    .max(100)
    .meta({ description: 'a list of at most 100 AWS account IDs' })
    .default([]),
  ...DEPLOYMENT_FIELDS,
});

export type Settings = Readonly<z.output<typeof schema>>;

/**
 * Reads and validates a file of settings.
 *
 * @throws UserError that names the file, every field that is wrong, what was expected and what came.
 */
export function readSettings(file = SETTINGS_FILE): Settings {
  return parseSettings(parseFile(file), file);
}

/**
 * @param origin - where the value came from, for errors.
 * @throws UserError naming every field that is wrong, what was expected and what came.
 */
export function parseSettings(value: unknown, origin: string): Settings {
  const result = schema.safeParse(value);
  if (result.success) return Object.freeze(result.data);
  const problems = result.error.issues.flatMap((issue) => {
    const { path, message } = issue;
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => `${[...path, key].join('.')}: expected no such field`);
    }
    const expected =
      descriptionOf(schema, path) ?? (issue.code === 'invalid_type' ? issue.expected : undefined);
    const problem = expected === undefined ? message : `expected ${expected}`;
    return [`${path.join('.') || 'the whole'}: ${problem}, received ${received(value, path)}`];
  });
  throw new UserError(
    `${origin}: ${problems.join('; ')}`,
    `correct these fields; ${EXAMPLE} shows each of them`,
  );
}

function parseFile(file: string): unknown {
  let content: string;
  try {
    content = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UserError(
      `${file}: expected the settings of an AWS account, received nothing: ${(error as Error).message}`,
      `copy ${EXAMPLE} there and change it to your account's`,
      { cause: error },
    );
  }
  try {
    return JSON.parse(content);
  } catch (error) {
    throw new UserError(
      `${file}: expected JSON, received something else: ${(error as Error).message}`,
      `compare it with ${EXAMPLE}`,
      { cause: error },
    );
  }
}

/** What a field has to be, in the words of its schema; undefined where that has none. */
function descriptionOf(field: z.core.$ZodType, path: readonly PropertyKey[]): string | undefined {
  const [key, ...rest] = path;
  const own = z.globalRegistry.get(field)?.description;
  if (field instanceof z.ZodDefault || field instanceof z.ZodOptional) {
    return own ?? descriptionOf(field.unwrap(), path);
  }
  if (field instanceof z.ZodDiscriminatedUnion) {
    const found = field.options.map((option) => descriptionOf(option, path));
    return found.find((description) => description !== undefined) ?? own;
  }
  if (key !== undefined && field instanceof z.ZodArray) return descriptionOf(field.element, rest);
  if (key === undefined || !(field instanceof z.ZodObject)) return own;
  const part: unknown = field.shape[String(key)];
  return part instanceof z.ZodType ? descriptionOf(part, rest) : own;
}

function received(value: unknown, path: readonly PropertyKey[]): string {
  const found = path.reduce<unknown>(
    (part, key) => (part as Record<PropertyKey, unknown> | undefined)?.[key],
    value,
  );
  if (found === undefined) return 'nothing';
  const shown = JSON.stringify(found);
  return shown.length > 200 ? `${shown.slice(0, 200)}...` : shown;
}
