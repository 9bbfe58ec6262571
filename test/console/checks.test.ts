import assert from 'node:assert/strict';
import {
  checkNotifications,
  checkOrders,
  checkStock,
  checkSubscription,
} from '../../src/console/checks.ts';
import type { LedgerEntry } from '../../src/console/ledger.ts';
import type { OrderFacts } from '../../src/console/orderFacts.ts';
import type { Stored } from '../../src/console/tables.ts';
import type { OrderNotification, OrderRow } from '../../src/contracts/orders.ts';
import type { OrderState } from '../../src/domain/order.ts';

const KEY = 'order:web:1';
const AMOUNT = 2_999;

/** Everything that is known of one order, wherever. */
interface World {
  readonly facts: OrderFacts;
  readonly row: OrderRow | undefined;
  readonly reservation: 'reserved' | 'released' | undefined;
  readonly intents: readonly LedgerEntry[];
  readonly payment: Stored['payments'][number] | undefined;
}

function facts(change: Partial<OrderFacts> = {}): OrderFacts {
  return {
    workflowId: KEY,
    running: false,
    state: 'closed',
    startedBy: 's:1',
    inbox: { records: [], pending: [], repeats: 0 },
    signalled: [],
    ...change,
  };
}

function row(change: Partial<OrderRow> = {}): OrderRow {
  return {
    channel: 'web',
    orderId: '1',
    workflowId: KEY,
    version: 3,
    claimedBy: 'run-1',
    state: 'closed',
    waitingFor: null,
    reason: null,
    customerId: 'customer-1',
    total: { amount: AMOUNT, currency: 'USD' },
    lines: [{ sku: 'record', quantity: 1, amount: AMOUNT, sellerId: 'seller-1' }],
    payment: {
      status: 'captured',
      method: 'pm_card_visa',
      attempt: 1,
      nextMethod: null,
      intentId: 'pi_1',
      declineCode: null,
      methodUntil: null,
      confirmedByProvider: true,
      refunded: 0,
    },
    shipments: { parcel: 'delivered' },
    cancellation: null,
    timeline: [],
    ...change,
  };
}

function intent(change: Partial<LedgerEntry> = {}): LedgerEntry {
  return {
    intentId: 'pi_1',
    orderKey: KEY,
    status: 'succeeded',
    amount: AMOUNT,
    currency: 'USD',
    captured: AMOUNT,
    refunded: 0,
    ...change,
  };
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

function inState(state: OrderState, change: Partial<OrderRow> = {}): Partial<World> {
  return { facts: facts({ state, running: true }), row: row({ state, ...change }) };
}

function disagreements(world: World): readonly string[] {
  const { row: stored, reservation, payment } = world;
  const found = checkOrders(
    [world.facts],
    {
      orders: stored ? [stored] : [],
      stock: [],
      reservations: reservation ? [{ orderKey: KEY, status: reservation, pieces: [] }] : [],
      payments: payment ? [payment] : [],
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
      {
        ...REFUNDED,
        facts: facts({ state: 'cancelled' }),
        row: row({ state: 'cancelled' }),
        intents: [],
        payment: undefined,
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
      'two payment intents',
      { ...CLOSED, intents: [intent(), intent({ intentId: 'pi_2', captured: 0 })] },
      /2 payment intents/,
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
    ['no payment', { ...CLOSED, intents: [] }, /closed, with 0 captured of 2999/],
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
        ...REFUNDED,
        facts: facts({ state: 'cancelled' }),
        row: row({ state: 'cancelled' }),
        intents: [intent({ status: 'requires_capture', captured: 0 })],
        payment: undefined,
      },
      /0 captured, 0 refunded, more held/,
    ],
    [
      'a payments row of another intent',
      { ...CLOSED, payment: { ...CLOSED.payment!, intentId: 'pi_9' } },
      /names pi_9, the provider pi_1/,
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
      'a cancelled order without a tombstone',
      { ...REFUNDED, reservation: undefined },
      /without a tombstone/,
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

  const nothing: Stored = { orders: [], stock: [], reservations: [], payments: [] };

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
    orders: [],
    payments: [],
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

describe('the checks of notifications', () => {
  const told = (...versions: readonly number[]) =>
    versions.map((version) => ({ workflowId: KEY, version }) as OrderNotification);

  it('find the change of state that nobody was told of', () => {
    assert.deepEqual(checkNotifications([row()], told(1, 2, 3, 3)), []);
    assert.deepEqual(checkNotifications([row()], told(1)), [
      { subject: KEY, says: 'versions 2, 3 were not announced' },
    ]);
    assert.equal(checkNotifications([row()], []).length, 1);
  });

  it('find what did not reach a subscription, and what should not have', () => {
    assert.deepEqual(
      checkSubscription('support', new Set(['n1', 'n2']), new Set(['n2', 'n1'])),
      [],
    );
    assert.deepEqual(checkSubscription('support', new Set(['n1']), new Set(['n2'])), [
      { subject: 'n1', says: 'did not reach support' },
      { subject: 'n2', says: 'reached support, which is not meant for it' },
    ]);
  });
});
