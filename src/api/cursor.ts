import { createHash } from 'node:crypto';
import { z } from 'zod';

/** How far a list has been read. */
export interface Position {
  /** ISO 8601: all that is newer has been read. */
  readonly placedAt: string;
  /** Of those placed at that very moment, the last that has been read; absent: none of them. */
  readonly orderKey?: string | undefined;
  /** ISO 8601: where the list ends, as it was when it began. */
  readonly from: string;
}

/** A cursor that is none, or was made for another list. */
export class InvalidCursorError extends Error {
  override readonly name = 'InvalidCursorError';
}

const LONGEST = 1_000;

const Cursor = z.strictObject({
  list: z.string(),
  placedAt: z.iso.datetime({ precision: 3 }),
  orderKey: z
    .string()
    .regex(/^order:[\w.-]{1,128}:[\w.-]{1,128}$/)
    .optional(),
  from: z.iso.datetime({ precision: 3 }),
});

/** @param list - what the list is of: the cursor is good for no other. */
export function writeCursor(list: unknown, position: Position): string {
  const cursor: z.infer<typeof Cursor> = { list: nameOf(list), ...position };
  return Buffer.from(JSON.stringify(cursor)).toString('base64url');
}

/**
 * Reads a cursor, which anybody may have written: a position is all that it can say.
 *
 * @throws InvalidCursorError when it is none, or was made for another list.
 */
export function readCursor(list: unknown, text: string): Position {
  const { list: name, ...position } = parse(text);
  if (name !== nameOf(list)) {
    throw new InvalidCursorError('expected a cursor of the same list, received that of another');
  }
  return position;
}

function parse(text: string): z.infer<typeof Cursor> {
  try {
    if (text.length > LONGEST) throw new RangeError(`${text.length} characters`);
    return Cursor.parse(JSON.parse(Buffer.from(text, 'base64url').toString()));
  } catch (cause) {
    throw new InvalidCursorError('expected a cursor as a page gave it, received another text', {
      cause,
    });
  }
}

function nameOf(list: unknown): string {
  return createHash('sha256').update(JSON.stringify(list)).digest('base64url').slice(0, 16);
}
