import { z } from 'zod';
import { CURRENCIES, MAX_AMOUNT } from '../domain/money.ts';

// The fields that events and the API's requests have in common.

/** What an ID may be: it becomes part of workflow IDs, keys and logs, so it is short and printable ASCII. */
export const ID_PATTERN = '[A-Za-z0-9][A-Za-z0-9._-]{0,127}';

export const id = z
  .string()
  .regex(new RegExp(`^${ID_PATTERN}$`), {
    error: 'expected 1 to 128 characters of A-Z a-z 0-9 . _ -, the first a letter or digit',
  })
  .meta({ description: 'An ID: 1 to 128 characters of A-Z a-z 0-9 . _ -' });

export const amount = z
  .int()
  .min(0)
  .max(MAX_AMOUNT)
  .meta({ description: 'Whole minor units (cents) of the currency' });

export const currency = z
  .enum(CURRENCIES, { error: 'expected an active ISO 4217 code, in upper case' })
  .meta({ description: 'ISO 4217 code' });

export const text = z.string().regex(/^\P{Cs}{1,500}$/u, {
  error: 'expected 1 to 500 characters of well-formed Unicode, without half a surrogate pair',
});

export const quantity = z.int().min(1).max(10_000);

export const channel = id.meta({
  description: 'Where the order was placed: a shop, a marketplace',
});
export const orderId = id.meta({ description: 'Unique within the channel' });

export const orderLine = z.object({
  sku: id,
  quantity,
  amount: amount.meta({ description: 'For the whole line, in minor units' }),
  sellerId: id,
});

/** As many lines as one order may have. */
export const linesOf = <Line extends z.ZodType>(line: Line) => z.array(line).min(1).max(50);

/** Pieces of an order's lines. */
export const orderPieces = linesOf(
  z.object({ line: z.int().min(1).max(50).meta({ description: 'From 1' }), quantity }),
);

/** What is ordered, whoever says so. */
export const orderContent = {
  customerId: id,
  currency,
  lines: linesOf(orderLine),
  paymentMethod: id
    .optional()
    .meta({ description: "The payment provider's token; not needed where the total is 0" }),
  backOrder: z
    .boolean()
    .optional()
    .meta({ description: 'Whether it waits for pieces that are short. Default: false' }),
};

/** Whether the lines' total can be charged, and with what. */
export function checkTotal(
  placed: { lines: readonly { amount: number }[]; paymentMethod?: string | undefined },
  context: z.RefinementCtx,
): void {
  const total = placed.lines.reduce((sum, line) => sum + line.amount, 0);
  if (total > MAX_AMOUNT) {
    context.addIssue({
      code: 'custom',
      path: ['lines'],
      message: `Too big: expected a total of at most ${MAX_AMOUNT} minor units, received ${total}`,
    });
  }
  if (total > 0 && placed.paymentMethod === undefined) {
    context.addIssue({
      code: 'custom',
      path: ['paymentMethod'],
      message:
        'Invalid input: expected a payment method, as the total is not 0, received undefined',
    });
  }
}
