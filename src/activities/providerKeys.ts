import { createHash } from 'node:crypto';
import type { PaymentRow, PaymentTable } from './paymentTable.ts';
import { isReplayedServerError } from './stripeErrors.ts';

/** The provider's limit. */
const MAX_KEY_LENGTH = 255;

/**
 * Makes a call under the idempotency key of a step: `{orderKey}/{step}`, the same on every try and every worker,
 * so that however often it is tried it takes effect once.
 *
 * Where the key has kept a 500, the row moves on to a key with the next number, and the 500 is thrown: the next
 * try looks first whether the call took effect after all, and uses the new key only where it did not. The
 * number comes from the row, never from Temporal's attempt, so that every worker has the same.
 */
export async function withKey<T>(
  table: PaymentTable,
  row: PaymentRow,
  step: string,
  call: (options: { readonly idempotencyKey: string }) => Promise<T>,
): Promise<T> {
  const number = keyNumber(row, step);
  try {
    return await call({ idempotencyKey: keyOf(row.orderKey, step, number) });
  } catch (error) {
    if (isReplayedServerError(error)) await table.nextKey(row.orderKey, step, number);
    throw error;
  }
}

/** A step on the payment's intent: a key stands for one request, so another intent has keys of its own. */
export function stepOnIntent({ renewal }: PaymentRow, step: string): string {
  return renewal === undefined ? step : `renewal/${renewal}/${step}`;
}

/** Which key the step is at, from 1. */
export function keyNumber(row: PaymentRow, step: string): number {
  return row.keys[step] ?? 1;
}

function keyOf(orderKey: string, step: string, number: number): string {
  const key = `${orderKey}/${step}${number > 1 ? `.${number}` : ''}`;
  return key.length > MAX_KEY_LENGTH ? createHash('sha256').update(key).digest('hex') : key;
}
