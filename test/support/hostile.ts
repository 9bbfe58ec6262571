import { uniqueId } from './servers.ts';

/** An order as the API and the events take it, under an ID of its own. */
export function order(change: object = {}) {
  return {
    channel: 'shop',
    orderId: uniqueId('order'),
    customerId: 'customer-1',
    currency: 'USD',
    lines: [{ sku: 'record', quantity: 1, amount: 2_999, sellerId: 'seller-1' }],
    paymentMethod: 'pm_card_visa',
    ...change,
  };
}

/** JSON text of an order into which something is put that `JSON.stringify` would not write. */
function orderWith(field: string, json: string): string {
  return JSON.stringify(order({ [field]: '@' })).replace('"@"', () => json);
}

function nested(levels: number): string {
  return '['.repeat(levels) + ']'.repeat(levels);
}

/** What a sender may get wrong: the body of an order, and what its complaint has to say. */
export const HOSTILE: readonly (readonly [what: string, body: string, complaint: RegExp])[] = [
  ['malformed JSON', '{"channel": "shop", ', /JSON/],
  ['nothing at all', '', /JSON|expected object/],
  ['a body that is no object', '[]', /expected object|JSON object/],
  [
    'a negative amount',
    JSON.stringify(order({ lines: [{ ...order().lines[0], amount: -1 }] })),
    /lines\.0\.amount.*>=0/,
  ],
  [
    'an amount with a fraction',
    JSON.stringify(order({ lines: [{ ...order().lines[0], amount: 29.99 }] })),
    /lines\.0\.amount.*int/,
  ],
  ['an unknown currency', JSON.stringify(order({ currency: 'XTS' })), /currency.*ISO 4217/],
  ['an order without lines', JSON.stringify(order({ lines: [] })), /lines.*>=1/],
  ['51 lines', JSON.stringify(order({ lines: Array(51).fill(order().lines[0]) })), /lines.*<=50/],
  ['an ID of 10 kB', JSON.stringify(order({ orderId: 'x'.repeat(10_240) })), /orderId.*1 to 128/],
  [
    'an ID with control characters',
    JSON.stringify(order({ customerId: 'a\u0000\u001b[2J' })),
    /customerId.*characters of A-Z/,
  ],
  ['a __proto__ key', orderWith('metadata', '{"__proto__": {"admin": true}}'), /__proto__/],
  ['an escaped __proto__ key', orderWith('metadata', '{"\\u005f_proto__": 1}'), /__proto__/],
  [
    'a number past 2^53',
    orderWith(
      'lines',
      '[{"sku":"record","quantity":1,"amount":12345678901234567890,"sellerId":"s"}]',
    ),
    /amount.*2\^53.*12345678901234567890/,
  ],
  [
    'a number past all bounds',
    orderWith('lines', '[{"sku":"record","quantity":1,"amount":1e400,"sellerId":"s"}]'),
    /amount.*2\^53.*1e400/,
  ],
  ['nesting of 100,000 levels', orderWith('metadata', nested(100_000)), /nested deeper than 64/],
  ['nesting where lines belong', orderWith('lines', nested(100_000)), /nested deeper than 64/],
];

/** What goes wrong on the bus, by event ID: the emulator parses it on the way, and so stops some of the rest. */
export const ON_THE_BUS = {
  'bus-negative': {
    what: 'a negative amount',
    type: 'OrderPlaced',
    detail: JSON.stringify({
      version: 1,
      ...order({ lines: [{ ...order().lines[0], amount: -1 }] }),
    }),
    code: 'malformed',
    why: /lines\.0\.amount/,
  },
  'bus-currency': {
    what: 'an unknown currency',
    type: 'OrderPlaced',
    detail: JSON.stringify({ version: 1, ...order({ currency: 'XTS' }) }),
    code: 'malformed',
    why: /currency/,
  },
  'bus-control': {
    what: 'an ID with control characters',
    type: 'OrderPlaced',
    detail: JSON.stringify({ version: 1, ...order({ orderId: 'a\u0000b' }) }),
    code: 'malformed',
    why: /orderId/,
  },
  'bus-proto': {
    what: 'a __proto__ key',
    type: 'OrderPlaced',
    detail: orderWith('metadata', '{"__proto__": {"admin": true}}'),
    code: 'malformed',
    why: /__proto__/,
  },
  'bus-number': {
    what: 'a number past 2^53',
    type: 'OrderPlaced',
    detail: orderWith('metadata', '12345678901234567890'),
    code: 'malformed',
    why: /2\^53/,
  },
  'bus-type': {
    what: 'an unknown type',
    type: 'OrderEaten',
    detail: JSON.stringify(order()),
    code: 'unknown-type',
    why: /OrderEaten/,
  },
  'bus-version': {
    what: 'an unknown version',
    type: 'OrderPlaced',
    detail: JSON.stringify({ version: 2, ...order() }),
    code: 'unknown-version',
    why: /version/,
  },
} as const;
