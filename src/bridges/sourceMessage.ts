import type { Message } from '@aws-sdk/client-sqs';
import { parkedBeforeOf } from './parking.ts';
import type { Queue } from './queue.ts';
import type { Lease, SourceMessage } from './record.ts';
import { traceOf } from './traceContext.ts';

/**
 * What the core needs of an SQS message.
 *
 * @param clockOffset - by how much SQS's clock is ahead of ours, as the SDK saw it, in milliseconds.
 */
export function sourceMessageOf(
  queue: Queue,
  message: Message,
  lease: Lease,
  clockOffset: number,
): SourceMessage {
  const { MessageId = '', Body = '', Attributes, MessageAttributes } = message;
  const firstReceivedAt = Attributes?.ApproximateFirstReceiveTimestamp;
  const { traceparent, tracestate } = MessageAttributes ?? {};
  const awsTraceHeader = Attributes?.AWSTraceHeader;
  return {
    queue: queue.name,
    messageId: MessageId,
    body: Body,
    group: queue.fifo ? (Attributes?.MessageGroupId ?? null) : null,
    firstReceivedAt: firstReceivedAt ? Number(firstReceivedAt) - clockOffset : Date.now(),
    trace: {
      ...traceOf(traceparent?.StringValue, tracestate?.StringValue),
      ...(awsTraceHeader !== undefined && { awsTraceHeader }),
    },
    parkedBefore: parkedBeforeOf(message),
    lease,
  };
}
