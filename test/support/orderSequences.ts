import fc from 'fast-check';
import { SOFT_DECLINE, VISA } from './orders.ts';

// What may happen to an order, in whatever sequence: commands and events, repeated, out of order, early and late; time
// that passes; those it deals with who fail. What all that does is in sequenceRunner.ts, what has to hold at the end in
// orderInvariants.ts.

const THREE_D_SECURE = 'pm_card_threeDSecure2Required';
const HOUR = 3_600;

const cancellation = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      does: fc.constant('cancel' as const),
      /** Of the lines; absent: the whole order. */
      lines: fc.option(fc.subarray([1, 2, 3], { minLength: 1, maxLength: 2 }), { freq: 4 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      does: fc.constantFrom('cancel-by-event' as const, 'cancel-workflow' as const),
    }),
  },
);

const oneLine = fc.record({
  does: fc.constant('cancel' as const),
  lines: fc.constantFrom(1, 2, 3).map((line) => [line]),
});

const payment = fc.oneof(
  fc.record({
    does: fc.constant('change-method' as const),
    method: fc.constantFrom(VISA.paymentMethod, SOFT_DECLINE, THREE_D_SECURE),
    way: fc.constantFrom('command', 'event'),
  }),
  fc.record({
    does: fc.constant('payment-news' as const),
    news: fc.constantFrom('PaymentCaptured', 'PaymentFailed', 'PaymentAuthorised'),
    isOurs: fc.boolean(),
  }),
  /** 3-D Secure. `isTold`: the provider's event comes. */
  fc.record({
    does: fc.constant('authenticate' as const),
    outcome: fc.constantFrom('succeeded' as const, 'failed' as const),
    isTold: fc.boolean(),
  }),
  fc.record({ does: fc.constant('expire-authorisation' as const) }),
);

/** A customer's bank takes money back, and decides later whose it is. */
const dispute = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constant('dispute' as const),
      part: fc.constantFrom('whole', 'half'),
      outcome: fc.constantFrom('won' as const, 'lost' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('decide-disputes' as const) }) },
);

const parcel = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constant('parcel-news' as const),
      news: fc.constantFrom(
        'ShipmentDispatched',
        'ShipmentDispatched',
        'ShipmentDelivered',
        'ShipmentLost',
        'ShipmentLost',
        'ShipmentReturned',
      ),
      shipmentId: fc.constantFrom('1', '1', '2', '2', '3', '9'),
    }),
  },
  /** The carrier has it: a cancellation calls it back. */
  {
    weight: 1,
    arbitrary: fc.record({
      does: fc.constant('collect' as const),
      shipmentId: fc.constantFrom('1', '2'),
    }),
  },
);

const review = fc.record({
  does: fc.constant('review' as const),
  decision: fc.constantFrom('approve' as const, 'reject' as const),
});

/** The supplier delivers pieces of what is short. */
const delivery = fc.record({
  does: fc.constant('restock' as const),
  quantity: fc.integer({ min: 1, max: 3 }),
});

const time = fc.record({
  does: fc.constant('pass-time' as const),
  seconds: fc.constantFrom(HOUR + 1, 13 * HOUR, 24 * HOUR + 1, 49 * HOUR, 15 * 24 * HOUR),
});

const times = fc.integer({ min: 1, max: 2 });
const ending = { how: fc.constantFrom('error', 'hang', 'drop'), times };

/** How those fail that an order deals with, for the next requests. */
const fault = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      does: fc.constant('provider-fails' as const),
      operation: fc.constantFrom('create', 'confirm', 'capture', 'capture', 'cancel', 'refund'),
      takesEffect: fc.boolean(),
      ...ending,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      does: fc.constant('provider-fails' as const),
      operation: fc.constant('retrieve'),
      ...ending,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      does: fc.constant('partner-fails' as const),
      who: fc.constantFrom('carrier', 'carrier', 'supplier'),
      how: fc.constantFrom('error', 'drop'),
      times,
    }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('screening-fails' as const) }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('provider-forgets-keys' as const) }) },
);

const returned = fc.record({
  does: fc.constant('return' as const),
  lines: fc.uniqueArray(
    fc.record({
      line: fc.integer({ min: 1, max: 3 }),
      quantity: fc.constantFrom(1, 1, 2, 3),
    }),
    { minLength: 1, maxLength: 2, selector: ({ line }) => line },
  ),
  goods: fc.constantFrom('come', 'come', 'never-come'),
  accepted: fc.constantFrom('all', 'all', 'some', 'none'),
});

const action = fc.oneof(
  { weight: 3, arbitrary: cancellation },
  { weight: 3, arbitrary: payment },
  { weight: 6, arbitrary: parcel },
  { weight: 4, arbitrary: fault },
  { weight: 5, arbitrary: dispute },
  { weight: 2, arbitrary: time },
  { weight: 1, arbitrary: review },
  { weight: 1, arbitrary: delivery },
  { weight: 1, arbitrary: returned },
);

const afterwards = fc.oneof(
  { weight: 4, arbitrary: returned },
  { weight: 3, arbitrary: dispute },
  { weight: 1, arbitrary: fault },
  { weight: 1, arbitrary: cancellation },
  { weight: 1, arbitrary: parcel },
);

/** Where an order has to have come before something happens; or it will come no further by itself. */
const state = fc.constantFrom(
  'received',
  'reserving',
  'awaiting-payment',
  'paid',
  'fulfilling',
  'shipped',
);

export const orderSequence = fc.record({
  order: fc.record({
    /** Of its three lines. */
    sellers: fc.tuple(...[0, 1, 2].map(() => fc.constantFrom('anna', 'anna', 'bert'))),
    paymentMethod: fc.constantFrom(
      VISA.paymentMethod,
      VISA.paymentMethod,
      VISA.paymentMethod,
      SOFT_DECLINE,
      THREE_D_SECURE,
    ),
    customerId: fc.constantFrom('customer-1', 'customer-1', 'customer-1', 'doubtful-1'),
    /** How many pieces there are of its second line, which has three; and whether it waits for more. */
    available: fc.constantFrom(3, 3, 6, 6, 6, 0, 2),
    backOrder: fc.constantFrom(true, true, false),
  }),
  policy: fc.record({
    onLostParcel: fc.constantFrom('reship' as const, 'refund' as const),
    compensationRetrySeconds: fc.constantFrom(2, HOUR),
  }),
  /** What an operator does about a parcel that does not come back. */
  operator: fc.constantFrom('waits' as const, 'writes-off' as const),
  /** Before it is placed. */
  faults: fc.array(fault, { maxLength: 2 }),
  /** At the same time as far as the order has come there, in any order. */
  actions: fc.array(
    fc.oneof(
      { weight: 9, arbitrary: fc.record({ action, at: state, times }) },
      // A line of what is booked: its parcel is to come back, and what is left of it is not.
      {
        weight: 1,
        arbitrary: fc.record({ action: oneLine, at: fc.constant('fulfilling' as const), times }),
      },
    ),
    { minLength: 1, maxLength: 8 },
  ),
  /** Once it has ended. */
  afterwards: fc.array(fc.record({ action: afterwards, times }), { minLength: 1, maxLength: 3 }),
});

export type OrderSequence = typeof orderSequence extends fc.Arbitrary<infer Value> ? Value : never;
export type Action = typeof action extends fc.Arbitrary<infer Value> ? Value : never;
export type ReturnAction = typeof returned extends fc.Arbitrary<infer Value> ? Value : never;
