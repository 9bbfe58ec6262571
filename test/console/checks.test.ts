import assert from 'node:assert/strict';
import { checkOrders, checkStock } from '../../src/console/checks.ts';
import type { LedgerEntry } from '../../src/console/ledger.ts';
import type { Stored } from '../../src/console/tables.ts';
import type { OrderFacts } from '../../src/console/workflowFacts.ts';
import type { OrderRow } from '../../src/contracts/orders.ts';
import type { ReturnRow } from '../../src/contracts/returns.ts';
import type { CancelledLine, OrderState } from '../../src/domain/order.ts';
import { AMOUNT, facts, intent, KEY, nothing, returnRow, row } from './rows.ts';

/** Everything that is known of one order, wherever. */
interface World {
  readonly facts: OrderFacts;
  readonly row: OrderRow | undefined;
  readonly reservation: 'reserved' | 'released' | undefined;
  /** Of the reservation, where it is not what the order's lines have. */
  readonly pieces?: Stored['reservations'][number]['pieces'];
  readonly intents: readonly LedgerEntry[];
  readonly payment: Stored['payments'][number] | undefined;
  readonly returns?: readonly ReturnRow[];
}

/** An order that was paid and delivered. */
const CLOSED: World = {
  facts: facts(),
  row: row(),
  reservation: 'reserved',
  intents: [intent()],
  payment: {
    orderKey: KEY,
    intentId: 'pi_1',
    status: 'captured',
    captured: AMOUNT,
    refundable: AMOUNT,
  },
};

/** An order that was paid, and then cancelled. */
const REFUNDED: World = {
  facts: facts({ state: 'refunded' }),
  row: row({
    state: 'refunded',
    payment: { ...row().payment, status: 'returned', refunded: AMOUNT },
  }),
  reservation: 'released',
  intents: [intent({ refunded: AMOUNT })],
  payment: { orderKey: KEY, intentId: 'pi_1', status: 'returned', captured: AMOUNT, refundable: 0 },
};

/** The second line, of two sleeves for 1000, given up. */
function givenUp(settled: boolean): CancelledLine {
  return { line: 2, step: 1, settled, reason: 'changed my mind', requestedBy: 'customer:c-1' };
}

/** An order that was paid, and of which the second line was cancelled then. */
const CUT: World = {
  ...CLOSED,
  row: row({
    cancelledLines: [givenUp(true)],
    payment: { ...row().payment, refunded: 1_000 },
  }),
  pieces: [{ sku: 'record', quantity: 1 }],
  intents: [intent({ refunded: 1_000 })],
  payment: { ...CLOSED.payment!, refundable: 1_999 },
};

/** The same order, while the cancelled line is being given back. */
const CUTTING: World = {
  ...CUT,
  facts: facts({ state: 'fulfilling', running: true }),
  row: row({ state: 'fulfilling', waitingFor: 'dispatch', cancelledLines: [givenUp(false)] }),
};

const RESERVING = {
  n: 2,
  at: '2027-03-09T12:00:01.000Z',
  kind: 'state',
  name: 'reserving',
  outcome: null,
  reason: null,
  by: null,
  took: null,
} as const;

/** An order that nobody was asked to pay, as it ended before. */
function unpaid(state: 'cancelled' | 'rejected', change: Partial<OrderRow> = {}): World {
  return {
    facts: facts({ state }),
    row: row({
      state,
      payment: { ...row().payment, status: 'open', attempt: 0, captured: 0, intentId: null },
      ...change,
    }),
    reservation: undefined,
    intents: [],
    payment: undefined,
  };
}

/** An order that was delivered, and of which one sleeve came back. */
const RETURNED: World = {
  ...CLOSED,
  intents: [intent({ refunded: 500 })],
  payment: { ...CLOSED.payment!, refundable: AMOUNT - 500 },
  returns: [returnRow(), returnRow({ returnId: 'r-2', state: 'rejected', refund: null })],
};

/** An order that was delivered, and of which a bank has given a part back to the customer. */
const DISPUTED: World = {
  ...CLOSED,
  intents: [intent({ lost: [{ disputeId: 'du_1', amount: 700 }] })],
  payment: { ...CLOSED.payment!, refundable: AMOUNT - 700, decided: new Set(['du_1']) },
};

function inState(state: OrderState, change: Partial<OrderRow> = {}): Partial<World> {
  return { facts: facts({ state, running: true }), row: row({ state, ...change }) };
}

/** Captured at the provider, and not answered yet. */
function inFlight(change: Partial<OrderRow>): Partial<World> {
  const payment = { ...row().payment, status: 'in-flight', captured: 0 } as const;
  return inState('awaiting-payment', { payment, waitingFor: 'payment-method', ...change });
}

function disagreements(world: World): readonly string[] {
  const { row: stored, reservation, payment, returns = [] } = world;
  const pieces = world.pieces ?? stored?.lines ?? [];
  const found = checkOrders(
    [world.facts],
    {
      orders: stored ? [stored] : [],
      stock: [],
      reservations: reservation ? [{ orderKey: KEY, status: reservation, pieces }] : [],
      payments: payment ? [payment] : [],
      restocks: [],
      receipts: [],
      returns,
    },
    world.intents,
  );
  for (const { subject } of found) assert.equal(subject, KEY);
  return found.map(({ says }) => says);
}

describe('the checks of an order', () => {
  for (const [what, world] of [
    ['paid and delivered', CLOSED],
    ['paid, cancelled and refunded', REFUNDED],
    [
      'cancelled before any payment',
      { ...unpaid('cancelled', { timeline: [RESERVING] }), reservation: 'released' },
    ],
    ['cancelled before anything was reserved', unpaid('cancelled')],
    ['rejected by the screening', unpaid('rejected')],
    ['rejected, with a tombstone all the same', { ...unpaid('rejected'), reservation: 'released' }],
    ['paid, with a line cancelled then', CUT],
    [
      'paid for what was left of it',
      {
        ...CUT,
        row: row({
          cancelledLines: [givenUp(true)],
          payment: { ...row().payment, captured: 1_999 },
        }),
        intents: [intent({ captured: 1_999 })],
      },
    ],
    [
      'giving a line back, with nothing given yet',
      {
        ...CUTTING,
        pieces: row().lines,
        intents: [intent()],
        payment: CLOSED.payment!,
      },
    ],
    ['giving a line back, which its row does not know yet', CUTTING],
    [
      'paid, beside an intent that was created and never heard of again',
      {
        ...CLOSED,
        intents: [
          intent({ intentId: 'pi_0', status: 'requires_payment_method', captured: 0 }),
          intent(),
        ],
      },
    ],
    [
      'paid after its first authorisation lapsed',
      {
        ...CLOSED,
        intents: [intent({ intentId: 'pi_0', status: 'canceled', captured: 0 }), intent()],
      },
    ],
    ['being captured', { ...CLOSED, ...inFlight({}) }],
    ['delivered, with a piece returned', RETURNED],
    [
      'delivered, with a refund of its return under way',
      { ...RETURNED, returns: [returnRow({ state: 'refunding' })] },
    ],
    [
      'delivered, with a refund of its return that nobody knows about',
      { ...CLOSED, returns: [returnRow({ state: 'needs-operator' })] },
    ],
    ['delivered, and disputed since in part', DISPUTED],
    [
      'delivered, with a lost dispute that its payments row does not know of yet',
      { ...DISPUTED, payment: CLOSED.payment },
    ],
    [
      'delivered, with more lost in a dispute than was refundable',
      {
        ...RETURNED,
        intents: [intent({ refunded: 500, lost: [{ disputeId: 'du_1', amount: AMOUNT }] })],
        payment: { ...DISPUTED.payment!, refundable: 0, overdrawn: 500 },
      },
    ],
    [
      'cancelled, after a bank had given all of it back',
      {
        ...REFUNDED,
        facts: facts({ state: 'cancelled' }),
        row: row({ state: 'cancelled', payment: { ...row().payment, status: 'returned' } }),
        intents: [intent({ lost: [{ disputeId: 'du_1', amount: AMOUNT }] })],
        payment: { ...REFUNDED.payment!, decided: new Set(['du_1']) },
      },
    ],
    [
      'waiting for its dispatch',
      { ...CLOSED, ...inState('fulfilling', { waitingFor: 'dispatch' }) },
    ],
    [
      'a duplicate of one that was there before',
      { ...CLOSED, facts: facts({ state: 'duplicate' }) },
    ],
  ] as const satisfies readonly (readonly [string, World])[]) {
    it(`find nothing in one that is ${what}`, () => {
      assert.deepEqual(disagreements(world), []);
    });
  }

  const cases: readonly (readonly [what: string, world: World, says: RegExp])[] = [
    ['no row', { ...CLOSED, row: undefined }, /closed, but it has no row/],
    [
      'a refund of what was lost in a dispute before',
      { ...DISPUTED, payment: { ...DISPUTED.payment!, refundable: AMOUNT } },
      /2299 can be refunded at the provider, 2999 by/,
    ],
    [
      'another state in its row',
      { ...CLOSED, row: row({ state: 'shipped' }) },
      /is closed, its row shipped/,
    ],
    [
      'a workflow that ended on the way',
      { ...CLOSED, facts: facts({ state: 'shipped' }), row: row({ state: 'shipped' }) },
      /ended while it was shipped/,
    ],
    [
      'a workflow that failed',
      { ...CLOSED, facts: facts({ state: null }) },
      /ended without a state/,
    ],
    [
      'nothing it waits for',
      { ...CLOSED, ...inState('fulfilling') },
      /fulfilling, and waits for nothing named/,
    ],
    [
      'an event that its inbox never got',
      { ...CLOSED, facts: facts({ signalled: ['s:2'] }) },
      /s:2 was signalled, and is not in its inbox/,
    ],
    [
      'events left undecided',
      {
        ...CLOSED,
        facts: facts({
          inbox: { records: [], pending: [{ id: 's:2', type: 'A', data: {} }], repeats: 0 },
        }),
      },
      /ended with events undecided/,
    ],
    [
      'two payment intents that hold money',
      {
        ...CLOSED,
        intents: [intent(), intent({ intentId: 'pi_2', status: 'requires_capture', captured: 0 })],
      },
      /2 payment intents that were confirmed/,
    ],
    [
      'a double charge',
      { ...CLOSED, intents: [intent(), intent({ intentId: 'pi_2' })] },
      /5998 was captured of 2999/,
    ],
    [
      'another currency',
      { ...CLOSED, intents: [intent({ currency: 'EUR' })] },
      /in EUR, the order in USD/,
    ],
    [
      'no payment',
      { ...CLOSED, intents: [] },
      /closed, with 0 captured and 0 refunded for lines of 2999/,
    ],
    [
      'a refund of what was delivered',
      { ...CLOSED, intents: [intent({ refunded: 1 })] },
      /1 was refunded, its row says 0/,
    ],
    [
      'more refunded than captured',
      { ...REFUNDED, intents: [intent({ refunded: AMOUNT + 1 })] },
      /3000 was refunded of 2999/,
    ],
    [
      'money kept of a cancelled order',
      { ...REFUNDED, intents: [intent({ refunded: 1_000 })] },
      /refunded, with 2999 captured, 1000 refunded/,
    ],
    [
      'money still held of a cancelled order',
      {
        ...unpaid('cancelled'),
        intents: [intent({ status: 'requires_capture', captured: 0 })],
      },
      /is cancelled, with 0 captured, 0 refunded, more held/,
    ],
    [
      'money still held of a rejected order',
      {
        ...unpaid('rejected'),
        intents: [intent({ status: 'requires_capture', captured: 0 })],
      },
      /is rejected, with 0 captured, 0 refunded, more held/,
    ],
    [
      'a payments row of another intent',
      { ...CLOSED, payment: { ...CLOSED.payment!, intentId: 'pi_9' } },
      /names pi_9, the provider pi_1/,
    ],
    [
      'a payments row of an intent that was never captured, beside one that was',
      {
        ...CLOSED,
        intents: [
          intent({ intentId: 'pi_0', status: 'requires_payment_method', captured: 0 }),
          intent(),
        ],
        payment: { ...CLOSED.payment!, intentId: 'pi_0' },
      },
      /names pi_0, the provider pi_1/,
    ],
    [
      'a payments row with another sum',
      { ...CLOSED, payment: { ...CLOSED.payment!, refundable: 1 } },
      /2999 can be refunded at the provider, 1 by/,
    ],
    [
      'no payments row',
      { ...CLOSED, payment: undefined },
      /2999 can be refunded at the provider, undefined by/,
    ],
    ['no reservation', { ...CLOSED, reservation: undefined }, /closed, and its stock undefined/],
    [
      'stock given back of what was delivered',
      { ...CLOSED, reservation: 'released' },
      /closed, and its stock released/,
    ],
    [
      'stock kept of a cancelled order',
      { ...REFUNDED, reservation: 'reserved' },
      /refunded, and its stock reserved/,
    ],
    [
      'a cancelled order that was tried to be paid, without a tombstone',
      { ...REFUNDED, reservation: undefined },
      /without a tombstone/,
    ],
    [
      'a cancelled order that came to reserving, without a tombstone',
      unpaid('cancelled', { timeline: [RESERVING] }),
      /without a tombstone/,
    ],
    [
      'stock kept of a rejected order',
      { ...unpaid('rejected'), reservation: 'reserved' },
      /rejected, and its stock reserved/,
    ],
    [
      'another captured sum in its row',
      { ...CLOSED, row: row({ payment: { ...row().payment, captured: 1_999 } }) },
      /2999 was captured, its row says 1999/,
    ],
    [
      'a returned payment with another captured sum in its row',
      {
        ...REFUNDED,
        row: row({
          state: 'refunded',
          payment: { ...row().payment, status: 'returned', captured: 0, refunded: AMOUNT },
        }),
      },
      /2999 was captured, its row says 0/,
    ],
    [
      'a line cancelled and not refunded',
      {
        ...CUT,
        row: row({ cancelledLines: [givenUp(true)] }),
        intents: [intent()],
        payment: CLOSED.payment!,
      },
      /2999 captured and 0 refunded for lines of 1999/,
    ],
    [
      'more refunded than the cancelled line cost',
      {
        ...CUT,
        row: row({
          cancelledLines: [givenUp(true)],
          payment: { ...row().payment, refunded: 1_001 },
        }),
        intents: [intent({ refunded: 1_001 })],
        payment: { ...CUT.payment!, refundable: 1_998 },
      },
      /2999 captured and 1001 refunded for lines of 1999/,
    ],
    [
      'more refunded at the provider than what is being given back',
      { ...CUTTING, intents: [intent({ refunded: 1_001 })] },
      /1001 was refunded, its row says 0/,
    ],
    [
      'less captured than what is left costs',
      { ...CUTTING, intents: [intent({ captured: 1_998 })] },
      /1998 captured and 0 refunded for lines of 1999/,
    ],
    [
      'a refund that its row speaks of and the provider does not',
      { ...CUT, intents: [intent()] },
      /0 was refunded, its row says 1000/,
    ],
    [
      'stock still reserved of a cancelled line',
      { ...CUT, pieces: row().lines },
      /2 pieces of sleeve are reserved, its lines have 0/,
    ],
    [
      'stock given back of a line that goes on',
      { ...CLOSED, pieces: [{ sku: 'record', quantity: 1 }] },
      /0 pieces of sleeve are reserved, its lines have 2/,
    ],
    [
      'stock given back of a line that goes on, while another is given back',
      { ...CUTTING, pieces: [] },
      /0 pieces of record are reserved, its lines have 1/,
    ],
    [
      'stock of something else reserved',
      { ...CLOSED, pieces: [...row().lines, { sku: 'poster', quantity: 1 }] },
      /1 pieces of poster are reserved, its lines have 0/,
    ],
    [
      'a return whose refund the provider does not know',
      { ...RETURNED, intents: [intent()] },
      /0 was refunded, its row says 0, and its returns 500/,
    ],
    [
      "a refund that is neither the order's nor a return's",
      { ...RETURNED, returns: [returnRow({ orderId: '2' })] },
      /500 was refunded, its row says 0/,
    ],
    [
      'more refunded than a return under way asks for',
      {
        ...RETURNED,
        intents: [intent({ refunded: 501 })],
        returns: [returnRow({ state: 'refunding' })],
      },
      /501 was refunded, its row says 0/,
    ],
  ];
  for (const [what, world, says] of cases) {
    it(`find ${what}`, () => {
      const found = disagreements(world);
      assert.ok(
        found.some((one) => says.test(one)),
        found.join('\n'),
      );
    });
  }

  it('find a row under way of which Temporal knows nothing, and let the rows of the past be', () => {
    const stored = { ...nothing, orders: [row({ state: 'shipped' })] };
    assert.deepEqual(checkOrders([], stored, []), [
      { subject: KEY, says: 'its row is shipped, without a workflow' },
    ]);
    assert.deepEqual(checkOrders([], { ...nothing, orders: [row()] }, [intent()]), []);
  });

  it('find money taken for an order that nobody knows', () => {
    assert.deepEqual(checkOrders([], nothing, [intent({ orderKey: 'order:web:9' })]), [
      { subject: 'order:web:9', says: 'pi_1 captured 2999 for an unknown order' },
    ]);
    assert.deepEqual(checkOrders([], nothing, [intent({ orderKey: null })]), []);
  });
});

describe('the check of the stock', () => {
  const stored = (
    available: number,
    ...statuses: readonly ('reserved' | 'released')[]
  ): Stored => ({
    ...nothing,
    stock: [{ sku: 'record', available, initial: 5 }],
    reservations: statuses.map((status, index) => ({
      orderKey: `order:web:${index}`,
      status,
      pieces: [{ sku: 'record', quantity: 2 }],
    })),
  });

  it('finds nothing where what there was, less what is reserved, is left', () => {
    assert.deepEqual(checkStock(stored(5)), []);
    assert.deepEqual(checkStock(stored(1, 'reserved', 'released', 'reserved')), []);
  });

  it('counts in what came back and is on sale again', () => {
    const restocks = [{ returnKey: 'return:r-1', pieces: [{ sku: 'record', quantity: 1 }] }];
    assert.deepEqual(checkStock({ ...stored(4, 'reserved'), restocks }), []);
    assert.deepEqual(checkStock({ ...stored(3, 'reserved'), restocks }), [
      { subject: 'record', says: '3 pieces are left, expected 4' },
    ]);
  });

  it('counts in what was received from a supplier, of a SKU too that nobody had put there', () => {
    const receipts = [
      { sku: 'record', receipt: 's:1', quantity: 3 },
      { sku: 'sleeve', receipt: 's:1', quantity: 2 },
    ];
    const stock = [
      { sku: 'record', available: 6, initial: 5 },
      { sku: 'sleeve', available: 2, initial: 0 },
    ];
    assert.deepEqual(checkStock({ ...stored(6, 'reserved'), stock, receipts }), []);
    assert.deepEqual(checkStock({ ...stored(6, 'reserved'), stock, receipts: receipts.slice(1) }), [
      { subject: 'record', says: '6 pieces are left, expected 3' },
    ]);
  });

  it('counts out what was lost of a reservation that was released', () => {
    const reservations = [
      {
        orderKey: KEY,
        status: 'released' as const,
        pieces: [{ sku: 'record', quantity: 2 }],
        lost: [{ sku: 'record', quantity: 1 }],
      },
    ];
    assert.deepEqual(checkStock({ ...stored(4), reservations }), []);
    assert.deepEqual(checkStock({ ...stored(5), reservations }), [
      { subject: 'record', says: '5 pieces are left, expected 4' },
    ]);
  });

  it('finds a piece too many, one too few, and less than none', () => {
    const says = (...[available, ...statuses]: Parameters<typeof stored>) =>
      checkStock(stored(available, ...statuses));
    assert.deepEqual(says(4, 'reserved'), [
      { subject: 'record', says: '4 pieces are left, expected 3' },
    ]);
    assert.equal(says(2, 'reserved').length, 1);
    // It adds up, and cannot be.
    assert.equal(says(-1, 'reserved', 'reserved', 'reserved').length, 1);
  });
});
