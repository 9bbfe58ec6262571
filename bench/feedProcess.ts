import { GetQueueAttributesCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { setTimeout as delay } from 'node:timers/promises';
import { serveJob } from './child.ts';
import { now } from './clock.ts';
import { eventBody } from './events.ts';
import type { FeedJob } from './job.ts';
import { sendEvents } from './queues.ts';

/** How many are sent between two looks at the depth. */
const PORTION = 500;

// Sends the events of a run while something else takes them.
serveJob<FeedJob, undefined>(async ({ aws, queueUrl: QueueUrl, load, pace }) => {
  const sqs = new SQSClient(aws);
  if ('perSecond' in pace) {
    const beganAt = now();
    const sends: Promise<unknown>[] = [];
    for (let index = 0; index < load.events; index += 1) {
      await delay(Math.max(0, beganAt + (index * 1_000) / pace.perSecond - now()));
      const MessageBody = eventBody(load, index, now());
      sends.push(sqs.send(new SendMessageCommand({ QueueUrl, MessageBody })));
    }
    await Promise.all(sends);
    return undefined;
  }

  const hasRoom = async () => {
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }),
    );
    const depth =
      Number(Attributes?.ApproximateNumberOfMessages) +
      Number(Attributes?.ApproximateNumberOfMessagesNotVisible);
    return depth + PORTION < pace.depthBelow;
  };
  for (let sent = 0; sent < load.events; sent += PORTION) {
    while (!(await hasRoom())) await delay(50);
    await sendEvents(sqs, QueueUrl, load, sent, Math.min(load.events, sent + PORTION));
  }
  return undefined;
});
