import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { UserError } from '../src/platform/errors.ts';

/** What differs from one AWS account to the next. Secrets are named here, never given. */
const SETTINGS_FILE = 'waybill.aws.json';

const account = z
  .string()
  .regex(/^\d{12}$/)
  .meta({ description: 'an AWS account ID, 12 digits' });

const region = z
  .string()
  .regex(/^[a-z]{2}(-[a-z]+)+-\d$/)
  .meta({ description: 'an AWS region such as eu-central-1' });

const busArn = z
  .string()
  .regex(/^arn:aws[\w-]*:events:[\w-]+:\d{12}:event-bus\/[\w./-]+$/)
  .meta({ description: 'the ARN of an EventBridge bus' });

const schema = z.strictObject({
  account,
  region,
  /** The bus of the account where security keeps what happened, out of reach of this one. */
  securityBusArn: busArn,
});

export type Settings = Readonly<z.output<typeof schema>>;

/**
 * The settings that a value holds, such as CDK's context or a parsed file. `origin` says where it came from.
 *
 * @throws UserError naming every field that is wrong, what was expected and what came.
 */
function parseSettings(value: unknown, origin: string): Settings {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => issue.message);
  throw new UserError(`${origin}: ${problems.join('; ')}`, 'correct these fields');
}

export function readSettings(file = SETTINGS_FILE): Settings {
  return parseSettings(JSON.parse(readFileSync(file, 'utf8')), file);
}
