import {
  CloudFormationClient,
  CloudFormationServiceException,
  CreateStackCommand,
  DescribeStacksCommand,
  type Stack,
  UpdateStackCommand,
  waitUntilStackCreateComplete,
  waitUntilStackUpdateComplete,
} from '@aws-sdk/client-cloudformation';
import { OUTPUTS, type Outputs, type StackTemplate } from '../infra/app.ts';

/** Where the emulator is, and as whom to speak to it: what an AWS SDK client takes. */
export interface AwsConfig {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

const DEPLOY_WITHIN_SECONDS = 60;

/**
 * Deploys the stacks of `infra/` through CloudFormation in their order, or brings what is there up to date, and
 * answers their outputs. `templates` is what `synthesise()` of `infra/app.ts` returns.
 */
export async function deploy(
  config: AwsConfig,
  templates: readonly StackTemplate[],
): Promise<Outputs> {
  const client = new CloudFormationClient(config);
  try {
    const values = new Map<string, string>();
    for (const template of templates) {
      const { Outputs: outputs = [] } = (await deployStack(client, config, template)) ?? {};
      for (const { OutputKey = '', OutputValue = '' } of outputs) {
        values.set(OutputKey, OutputValue);
      }
    }
    return outputsOf(values, config.endpoint);
  } finally {
    client.destroy();
  }
}

async function deployStack(
  client: CloudFormationClient,
  { endpoint }: AwsConfig,
  { name, template }: StackTemplate,
): Promise<Stack | undefined> {
  const target = { StackName: name, TemplateBody: JSON.stringify(template) };
  const waiter = { client, maxWaitTime: DEPLOY_WITHIN_SECONDS, minDelay: 1, maxDelay: 1 };
  try {
    if ((await findStack(client, name)) === undefined) {
      await client.send(new CreateStackCommand(target));
      await waitUntilStackCreateComplete(waiter, { StackName: name });
    } else if (await update(client, target)) {
      await waitUntilStackUpdateComplete(waiter, { StackName: name });
    }
    return await findStack(client, name);
  } catch (error) {
    const stack = await findStack(client, name).catch(() => undefined);
    throw new Error(
      `the stack ${name} could not be deployed to ${endpoint}: ` +
        `${stack?.StackStatusReason ?? stack?.StackStatus ?? ''} ${(error as Error).message}`,
      { cause: error },
    );
  }
}

async function findStack(client: CloudFormationClient, name: string): Promise<Stack | undefined> {
  try {
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: name }));
    return Stacks?.[0];
  } catch (error) {
    if (isRefusal(error, /does not exist/)) return undefined;
    throw error;
  }
}

/** False: there was nothing to do. */
async function update(
  client: CloudFormationClient,
  target: { readonly StackName: string; readonly TemplateBody: string },
): Promise<boolean> {
  try {
    await client.send(new UpdateStackCommand(target));
    return true;
  } catch (error) {
    if (isRefusal(error, /no updates/i)) return false;
    throw error;
  }
}

function outputsOf(values: ReadonlyMap<string, string>, endpoint: string): Outputs {
  const missing = OUTPUTS.filter((name) => !values.get(name));
  if (missing.length > 0) {
    throw new Error(`the stacks lack the outputs ${missing.join(', ')}`);
  }
  const outputs = OUTPUTS.map((name) => {
    const value = values.get(name) ?? '';
    return [name, name.endsWith('Url') ? reachable(value, endpoint) : value];
  });
  return Object.fromEntries(outputs) as Outputs;
}

/**
 * The same queue at this endpoint. The SDK speaks to the host that a queue's URL names. The emulator names the host and port under which the
 * queue was made, which after a restart on another port is nobody's.
 */
export function reachable(queueUrl: string, endpoint: string): string {
  return new URL(new URL(queueUrl).pathname, endpoint).href;
}

/** CloudFormation tells its refusals apart by their text alone. */
function isRefusal(error: unknown, text: RegExp): boolean {
  return (
    error instanceof CloudFormationServiceException &&
    error.name === 'ValidationError' &&
    text.test(error.message)
  );
}
