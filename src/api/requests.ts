import { z } from 'zod';
import {
  channel,
  checkTotal,
  id,
  ID_PATTERN,
  linesOf,
  orderContent,
  orderId,
  orderLine,
  quantity,
  text,
} from '../contracts/fields.ts';
import { ORDER_STATES } from './representations.ts';

/** An object with these fields and no other: a misspelt one must not be passed over as if it were not there. */
function strict<Shape extends z.ZodRawShape>(shape: Shape) {
  const known = Object.keys(shape).join(', ');
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? `expected no other fields than ${known}, received ${shown(issue.keys)}`
        : undefined,
  });
}

/** Field names as an answer repeats them: whoever chose them may have chosen many, or long ones. */
function shown(names: readonly string[]): string {
  const text = names.map((name) => JSON.stringify(name)).join(', ');
  return text.length > 200 ? `${text.slice(0, 200)}...` : text;
}

/** What makes a request one and the same, however often it is sent. */
export const IdempotencyHeaders = z.object({
  'idempotency-key': z
    .string()
    .regex(/^[\x21-\x7e]{1,128}$/, {
      error: 'Invalid header: expected 1 to 128 visible ASCII characters',
    })
    .meta({
      description:
        'Chosen by the caller, 1 to 128 visible ASCII characters: the same key and the same request are the same answer',
    }),
});

export const PlaceHeaders = IdempotencyHeaders.extend({
  prefer: z
    .string()
    .optional()
    .meta({
      description:
        "`wait=N` (RFC 7240): waits up to N seconds, 25 at the most, for the payment's outcome",
      examples: ['wait=10'],
    }),
});

/** An order as the API names it: `{channel}:{orderId}`. */
export const OrderParams = z.object({
  id: z
    .string()
    .regex(new RegExp(`^${ID_PATTERN}:${ID_PATTERN}$`), {
      error: 'Invalid ID: expected {channel}:{orderId}',
    })
    .meta({ description: 'The order: `{channel}:{orderId}`', examples: ['web:42'] }),
});

export const ReturnParams = z.object({
  id: id.meta({ description: "The return's ID" }),
});

/** The channel of orders whose ID the API made. */
export const OWN_CHANNEL = 'api';

const customerId = id.meta({
  description: 'Whose order it is; a customer need not say it, and may name nobody else',
});

/** An order as a caller places it. */
export const OrderRequest = strict({
  channel: channel.optional().meta({
    description: `Where the order was placed, and not \`${OWN_CHANNEL}\`; only together with \`orderId\``,
    not: { const: OWN_CHANNEL },
  }),
  orderId: orderId.optional().meta({
    description:
      "The caller's own number, unique within the channel. Without it, the ID follows from caller and Idempotency-Key",
  }),
  ...orderContent,
  lines: linesOf(strict(orderLine.shape)),
  customerId: customerId.optional(),
})
  .superRefine(checkTotal)
  .superRefine(checkNumber)
  // The same for readers of the document, as far as JSON Schema can say it.
  .meta({
    dependentRequired: { channel: ['orderId'], orderId: ['channel'] },
    anyOf: [
      { required: ['paymentMethod'] },
      { properties: { lines: { items: { properties: { amount: { const: 0 } } } } } },
    ],
  });

export type PlaceRequest = z.infer<typeof OrderRequest>;

/** The caller's own number takes both its parts. */
function checkNumber(
  placed: { readonly channel?: string | undefined; readonly orderId?: string | undefined },
  context: z.RefinementCtx,
): void {
  const [given, missing] =
    placed.channel === undefined ? ['orderId', 'channel'] : ['channel', 'orderId'];
  if ((placed.channel === undefined) !== (placed.orderId === undefined)) {
    context.addIssue({
      code: 'custom',
      path: [missing as string],
      message: `Invalid input: expected both channel and orderId, or neither, received ${given} alone`,
    });
  }
  if (placed.channel === OWN_CHANNEL) {
    context.addIssue({
      code: 'custom',
      path: ['channel'],
      message: `Invalid input: expected another channel, as ${OWN_CHANNEL} is for orders without a number, received ${OWN_CHANNEL}`,
    });
  }
}

const line = z.int().min(1).max(50).meta({ description: "The line's number in the order, from 1" });
export const CancelBody = strict({
  reason: text,
  lines: linesOf(line).optional().meta({
    description: 'Which lines; without it the whole order, or all lines of the seller who asks',
  }),
});

export const PaymentMethodBody = strict({
  paymentMethod: id.meta({ description: "The payment provider's token" }),
});

export const ReviewBody = strict({ decision: z.enum(['approve', 'reject']), reason: text });

export const ReturnRequestBody = strict({
  lines: linesOf(strict({ line, quantity })),
  reason: text,
});

export const InspectionBody = strict({
  accepted: z
    .array(strict({ line, quantity: z.int().min(0).max(10_000) }))
    .max(50)
    .meta({
      description: 'How many pieces of each line are accepted; a line that is not named is not',
    }),
  reason: text,
});

/** A day, or a moment; as the moment in UTC that it begins or, for the end of a range, ends with. */
const moment = (timeOfDay: string) =>
  z
    .union([z.iso.date(), z.iso.datetime({ offset: true })], {
      error: 'Invalid date: expected a date (2026-01-31) or a date-time (2026-01-31T12:00:00Z)',
    })
    .transform((given) =>
      new Date(given.length === 10 ? `${given}T${timeOfDay}Z` : given).toISOString(),
    );

export const ListQuery = z
  .object({
    customer: id.optional(),
    seller: id.optional().meta({ description: 'Orders with at least one line of this seller' }),
    status: z.enum(ORDER_STATES).optional(),
    from: moment('00:00:00.000').optional(),
    to: moment('23:59:59.999').optional(),
    limit: z.coerce.number().int().min(1).max(100).default(20),
    cursor: z
      .string()
      .min(1)
      .max(1_000)
      .optional()
      .meta({ description: "The page's before this one" }),
  })
  .meta({ description: 'Orders of which all of this is true' });
