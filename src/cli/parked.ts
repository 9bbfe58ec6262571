import type { SQSClient } from '@aws-sdk/client-sqs';
import type { Queue } from '../bridges/queue.ts';
import { isMeant, listParked, type ParkedFilter, type ParkedMessage } from '../console/parked.ts';
import { countMessages } from '../console/queues.ts';
import { UserError } from '../platform/errors.ts';
import { createSqs } from '../platform/sqs.ts';
import { startProgress } from './progress.ts';
import { describeQueues } from './queues.ts';

export interface JsonOption {
  readonly json?: true;
}

/** Prints what is parked, and why. */
export async function runList(
  queueUrls: readonly string[],
  filter: ParkedFilter,
  { json }: JsonOption,
): Promise<void> {
  const sqs = createSqs();
  const listed: object[] = [];
  for (const queue of await describeQueues(sqs, queueUrls)) {
    const parked = await lookInto(sqs, queue, json === true);
    const meant = parked.filter((each) => isMeant(filter, each));
    if (json) listed.push(...meant.map((each) => ({ queue: queue.name, ...each })));
    else console.log(describeList(queue, meant, parked.length));
  }
  if (json) console.log(JSON.stringify(listed, null, 2));
}

/** Prints one parked message, by its own ID or its event's, with all there is. @throws UserError when it is nowhere. */
export async function runShow(
  queueUrls: readonly string[],
  id: string,
  { json }: JsonOption,
): Promise<void> {
  const sqs = createSqs();
  const found: { readonly queue: string; readonly parked: ParkedMessage }[] = [];
  for (const queue of await describeQueues(sqs, queueUrls)) {
    for (const parked of await lookInto(sqs, queue, json === true)) {
      if (parked.messageId === id || parked.eventId === id)
        found.push({ queue: queue.name, parked });
    }
  }
  if (found.length === 0) {
    throw new UserError(
      `no parked message or event has the ID ${id}`,
      '`waybill parked list` shows what is parked; on FIFO only the first messages of each group can be looked at',
    );
  }
  console.log(
    json
      ? JSON.stringify(
          found.map(({ queue, parked }) => ({ queue, ...parked })),
          null,
          2,
        )
      : found.map(({ queue, parked }) => describeMessage(queue, parked)).join('\n\n'),
  );
}

async function lookInto(
  sqs: SQSClient,
  queue: Queue,
  silent: boolean,
): Promise<readonly ParkedMessage[]> {
  const total = await countMessages(sqs, queue.deadLetterUrl);
  const progress = await startProgress({ label: `${queue.name}: reading`, total, silent });
  try {
    return await listParked(sqs, queue.deadLetterUrl, {
      onProgress: (seen) => progress.set(seen),
    });
  } finally {
    progress.stop();
  }
}

function describeList(queue: Queue, meant: readonly ParkedMessage[], all: number): string {
  const of = meant.length === all ? '' : ` of ${all}`;
  return [`${queue.name}: ${meant.length}${of} parked`, ...meant.map(describeLine)].join('\n');
}

function describeLine(parked: ParkedMessage): string {
  const { since, code, eventId, route, workflowId, messageId, reason } = parked;
  const about = [route, workflowId].filter((each) => each !== null).join(' -> ');
  return `  ${since}  ${code}  ${eventId ?? messageId}${about && `  ${about}`}  ${reason}`;
}

function describeMessage(queue: string, parked: ParkedMessage): string {
  const { messageId, code, reason, eventId, route, workflowId, since, group, note, body } = parked;
  const fields: readonly (readonly [string, string | number | null | undefined])[] = [
    ['queue', queue],
    ['message', messageId],
    ['event', eventId],
    ['route', route],
    ['workflow', workflowId],
    ['code', code],
    ['reason', reason],
    ['since', since],
    ['receives', note?.receives],
    ['records', note?.records?.join(', ')],
    ['group', group],
  ];
  return [
    ...fields.flatMap(([name, value]) =>
      value === null || value === undefined ? [] : [`${name.padEnd(9)} ${value}`],
    ),
    body,
  ].join('\n');
}
