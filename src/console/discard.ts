import { open, type FileHandle } from 'node:fs/promises';
import type { Message } from '@aws-sdk/client-sqs';
import { readParked } from './parked.ts';
import { sweep, type SweepOptions, type Swept } from './sweep.ts';

export interface DiscardOptions extends Omit<SweepOptions, 'act' | 'isBack'> {
  /** The file that the messages are appended to, one JSON object a line; made where it is not there, for its owner alone. */
  readonly saveTo: string;
}

/**
 * Deletes parked messages, each only after it is on disk. Killed in between, a message is in the file and still in
 * its queue: running it again appends it once more.
 *
 * @throws the system's error when the file cannot be written; nothing is deleted then.
 */
export async function discard({ saveTo, ...options }: DiscardOptions): Promise<Swept> {
  const file = await open(saveTo, 'a+', 0o600);
  try {
    if (await isCutShort(file)) await file.appendFile('\n');
    return await sweep({
      ...options,
      async act(messages) {
        await file.appendFile(messages.map((each) => lineOf(options.queue.name, each)).join(''));
        await file.sync();
        return new Map();
      },
    });
  } finally {
    await file.close();
  }
}

/** A kill in mid-write leaves a line without its end; the next must not go on from there. */
async function isCutShort(file: FileHandle): Promise<boolean> {
  const { size } = await file.stat();
  if (size === 0) return false;
  const { buffer } = await file.read({ buffer: Buffer.alloc(1), position: size - 1 });
  return buffer.toString() !== '\n';
}

/** Everything that sending it again takes. Binary attributes are base64. */
function lineOf(queue: string, message: Message): string {
  const { messageId, code, group, note, body } = readParked(message);
  const attributes = Object.fromEntries(
    Object.entries(message.MessageAttributes ?? {}).map(
      ([name, { DataType, StringValue, BinaryValue }]) => [
        name,
        BinaryValue
          ? { DataType, BinaryValue: Buffer.from(BinaryValue).toString('base64') }
          : { DataType, StringValue },
      ],
    ),
  );
  return `${JSON.stringify({ queue, messageId, group, code, body, attributes, note })}\n`;
}
