import type { SQSClient } from '@aws-sdk/client-sqs';
import { describeQueue, QueueUnfitError, type Queue } from '../bridges/queue.ts';
import { UserError } from '../platform/errors.ts';

/** Reads how queues are set up, each once. @throws UserError naming the queue and what to change. */
export async function describeQueues(
  sqs: SQSClient,
  urls: readonly string[],
): Promise<readonly Queue[]> {
  try {
    return await Promise.all([...new Set(urls)].map((url) => describeQueue(sqs, url)));
  } catch (cause) {
    if (!(cause instanceof QueueUnfitError)) throw cause;
    throw new UserError(cause.message, 'change the queue, or name others; see `waybill doctor`', {
      cause,
    });
  }
}
