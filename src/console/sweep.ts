import { DeleteMessageBatchCommand, type Message, type SQSClient } from '@aws-sdk/client-sqs';
import type { Queue } from '../bridges/queue.ts';
import { readParked, type ParkedMessage } from './parked.ts';
import { readDepth } from './queues.ts';
import { inAttempts } from './retry.ts';
import { createScan, inBatches } from './scan.ts';

export interface SweepOptions {
  readonly sqs: SQSClient;
  readonly queue: Queue;
  readonly isMeant: (parked: ParkedMessage) => boolean;
  /** Whether a message is in the dead-letter queue again, after this sweep had dealt with it. Default: none is. */
  readonly isBack?: (message: Message) => boolean;
  /**
   * Deals with messages, at most ten and of a FIFO group one only. They are deleted afterwards.
   *
   * @returns those that it failed for, and why: they stay.
   */
  readonly act: (messages: readonly Message[]) => Promise<Failures>;
  /** Told how many messages are dealt with and deleted. */
  readonly onProgress?: (done: number) => void;
  /** Told once, when others have messages in flight that this waits for. */
  readonly onWait?: () => void;
}

type Failures = ReadonlyMap<Message, string>;

/** What came of a sweep. Nothing of it is lost when the process is killed: the dead-letter queue is the state. */
export interface Swept {
  /** Dealt with and deleted. */
  readonly done: number;
  /** Still there, and why. */
  readonly failed: readonly { readonly messageId: string; readonly reason: string }[];
  /** Not meant, and left there. */
  readonly others: number;
  /** Dealt with, and parked again meanwhile. */
  readonly back: number;
  /** About how many could not be looked at: others have them in flight, or on FIFO a message of their group is before them. */
  readonly unseen: number;
}

/** For how long it is waited for messages that others have in flight, such as a sweep that was killed; in milliseconds. */
const LONGEST_WAIT = 35_000;

/** Goes through a dead-letter queue once: deals with each message that is meant, and deletes it. The others stay. */
export async function sweep(options: SweepOptions): Promise<Swept> {
  const { sqs, queue, isMeant, isBack = () => false, act, onProgress, onWait } = options;
  const scan = createScan(sqs, queue.deadLetterUrl);
  /** By message ID: a delete may be lost, and what was dealt with must not be dealt with twice. */
  const dealtWith = new Set<string>();
  const failed = new Map<string, string>();
  const stoppedGroups = new Set<string>();
  let done = 0;
  let others = 0;
  let back = 0;

  async function remove(messages: readonly Message[]): Promise<void> {
    const failures = await inAttempts(messages, async (some) => {
      const { Failed = [] } = await sqs.send(
        new DeleteMessageBatchCommand({
          QueueUrl: queue.deadLetterUrl,
          Entries: some.map((message, index) => ({
            Id: String(index),
            ReceiptHandle: scan.receiptOf(message),
          })),
        }),
      );
      return Failed;
    });
    for (const [message, reason] of failures)
      fail(message, `dealt with, but not deleted: ${reason}`);
    scan.forget(messages.filter((message) => !failures.has(message)));
    done += messages.length - failures.size;
    onProgress?.(done);
  }

  function fail(message: Message, reason: string): void {
    failed.set(message.MessageId ?? '', reason);
    const group = groupOf(queue, message);
    if (group !== undefined) stoppedGroups.add(group);
  }

  async function dealWith(messages: readonly Message[]): Promise<void> {
    const failures = await act(messages);
    for (const [message, reason] of failures) fail(message, reason);
    const succeeded = messages.filter((message) => !failures.has(message));
    for (const { MessageId = '' } of succeeded) dealtWith.add(MessageId);
    if (succeeded.length > 0) await remove(succeeded);
  }

  async function take(messages: readonly Message[]): Promise<void> {
    const meant: Message[] = [];
    for (const message of messages) {
      if (isBack(message)) back += 1;
      else if (isMeant(readParked(message))) meant.push(message);
      else others += 1;
    }
    for (const round of roundsOf(queue, meant)) {
      const open: Message[] = [];
      for (const message of round) {
        const isStopped = stoppedGroups.has(groupOf(queue, message) ?? '');
        if (isStopped) fail(message, 'a message before it in its group failed');
        else open.push(message);
      }
      for (const batch of inBatches(open)) await dealWith(batch);
    }
  }

  let newsAt = Date.now();
  let isWaiting = false;
  async function isWorthWaiting(): Promise<boolean> {
    if (Date.now() - newsAt > LONGEST_WAIT) return false;
    const { waiting, inFlight } = await readDepth(sqs, queue.deadLetterUrl);
    // On FIFO what waits may be behind what is held here.
    const isOpen = inFlight > scan.held || (!queue.fifo && waiting > 0);
    if (isOpen && !isWaiting) onWait?.();
    isWaiting = isOpen;
    return isOpen;
  }

  try {
    for (;;) {
      const received = await scan.receive();
      const again = received.filter(({ MessageId = '' }) => dealtWith.has(MessageId));
      const found = received.filter((message) => !again.includes(message));
      if (again.length > 0) await remove(again);
      if (found.length > 0) {
        newsAt = Date.now();
        await take(found);
      } else if (!(await isWorthWaiting())) {
        break;
      }
    }
    const { waiting, inFlight } = await readDepth(sqs, queue.deadLetterUrl);
    return {
      done,
      failed: [...failed].map(([messageId, reason]) => ({ messageId, reason })),
      others,
      back,
      unseen: Math.max(0, waiting + inFlight - scan.held),
    };
  } finally {
    await scan.release();
  }
}

function groupOf({ fifo }: Queue, { Attributes }: Message): string | undefined {
  return fifo ? (Attributes?.MessageGroupId ?? '') : undefined;
}

/** On FIFO a group's next message is dealt with only after the one before it is deleted. */
function roundsOf(queue: Queue, messages: readonly Message[]): readonly (readonly Message[])[] {
  if (!queue.fifo) return [messages];
  const groups = [...Map.groupBy(messages, (message) => groupOf(queue, message)).values()];
  const longest = Math.max(0, ...groups.map(({ length }) => length));
  return Array.from({ length: longest }, (_, round) =>
    groups.flatMap((group) => group[round] ?? []),
  );
}
