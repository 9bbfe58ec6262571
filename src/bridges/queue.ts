import {
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  QueueDoesNotExist,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { LEAST_RECEIVES } from '../contracts/queues.ts';

/** A source queue as it is set up. */
export interface Queue {
  readonly url: string;
  readonly name: string;
  readonly fifo: boolean;
  /** Where messages are parked. */
  readonly deadLetterUrl: string;
}

/** A queue is not there, or its settings break the bridge's contract. */
export class QueueUnfitError extends Error {
  override readonly name = 'QueueUnfitError';
}

/**
 * Reads how a queue is set up.
 *
 * @throws QueueUnfitError naming the queue and what to change, when its settings break the bridge's contract.
 */
export async function describeQueue(sqs: SQSClient, url: string): Promise<Queue> {
  const name = url.split('/').at(-1) ?? url;
  const fifo = name.endsWith('.fifo');
  const { Attributes = {} } = await naming(`queue ${name}: expected it to be there (${url})`, () =>
    sqs.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['RedrivePolicy'] })),
  );
  const policy = JSON.parse(Attributes.RedrivePolicy ?? '{}') as {
    deadLetterTargetArn?: string;
    maxReceiveCount?: number | string;
  };
  const [, , , , account, deadLetterName] = policy.deadLetterTargetArn?.split(':') ?? [];
  if (!deadLetterName) {
    throw new QueueUnfitError(
      `queue ${name}: expected a redrive policy with a dead-letter queue, found none`,
    );
  }
  const least = LEAST_RECEIVES[fifo ? 'fifo' : 'standard'];
  if (!(Number(policy.maxReceiveCount) >= least)) {
    throw new QueueUnfitError(
      `queue ${name}: expected a maxReceiveCount of at least ${least}, found ${policy.maxReceiveCount}`,
    );
  }
  const { QueueUrl } = await naming(
    `queue ${name}: expected its dead-letter queue ${deadLetterName} to be there`,
    () =>
      sqs.send(
        new GetQueueUrlCommand({ QueueName: deadLetterName, QueueOwnerAWSAccountId: account }),
      ),
  );
  // The SDK speaks to the host that a queue's URL names: both queues are on the same.
  return { url, name, fifo, deadLetterUrl: new URL(new URL(QueueUrl ?? '').pathname, url).href };
}

/** What else goes wrong is not about this queue, and is thrown as it is. */
async function naming<Answer>(what: string, ask: () => Promise<Answer>): Promise<Answer> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof QueueDoesNotExist)) throw error;
    throw new QueueUnfitError(`${what}: ${error.message}`, { cause: error });
  }
}
