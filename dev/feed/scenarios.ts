import type { EventData, EventType } from '../../src/contracts/events.ts';
import type { OrderRow, PlacedOrder } from '../../src/contracts/orders.ts';
import type { OrderState } from '../../src/domain/order.ts';

/** How an event reaches the service. */
export type Way = 'bus' | 'fifo' | 'queue' | 'api';

/** One canonical event of a scenario. */
export interface SampleEvent {
  readonly type: EventType;
  readonly data: EventData<EventType>;
  /** Stable over feeds, so that a feed which is repeated sends the same events. */
  readonly eventId: string;
  readonly way: Way;
}

/** What is sent when an order comes to a state. */
export interface Reaction {
  readonly state: OrderState;
  /** Only when the state is announced with a reason, as a declined payment is. */
  readonly withReason?: true;
  readonly events: (row: OrderRow) => readonly SampleEvent[];
}

/** One way an order can go. */
export interface Scenario {
  readonly name: string;
  readonly placed: PlacedOrder;
  /** Sent before the order is placed. */
  readonly early: readonly SampleEvent[];
  readonly placing: readonly SampleEvent[];
  readonly reactions: readonly Reaction[];
  readonly ends: {
    readonly state: OrderState;
    /** Captured and refunded at the provider, in minor units. */
    readonly captured: number;
    readonly refunded: number;
  };
}

const AMOUNT = 2_999;

/** Every way an order can go, each as one order of the channel `demo`. */
export function scenarios(): readonly Scenario[] {
  return [
    scenario('paid-and-delivered', {}, (make) => [
      make.on('paid', make.captured),
      ...make.parcel(),
    ]),
    scenario('free', { lines: [line('poster', 0)], paymentMethod: undefined }, (make) =>
      make.parcel(),
    ),
    scenario(
      'declined-other-card',
      { paymentMethod: 'pm_card_visa_chargeDeclinedInsufficientFunds' },
      (make) => [make.onDecline(make.failed, make.otherCard), ...make.parcel()],
    ),
    scenario('declined-never-paid', { paymentMethod: 'pm_card_visa_chargeDeclined' }, () => [], {
      state: 'cancelled',
      captured: 0,
      refunded: 0,
    }),
    scenario('stolen-card', { paymentMethod: 'pm_card_visa_chargeDeclinedStolenCard' }, () => [], {
      state: 'cancelled',
      captured: 0,
      refunded: 0,
    }),
    scenario('out-of-stock', { lines: [line('scarce', AMOUNT)] }, () => [], {
      state: 'cancelled',
      captured: 0,
      refunded: 0,
    }),
    scenario('cancelled-before-shipment', {}, (make) => [make.on('fulfilling', make.cancelled)], {
      state: 'refunded',
      captured: AMOUNT,
      refunded: AMOUNT,
    }),
    scenario('cancelled-by-api', {}, (make) => [make.on('fulfilling', make.cancelledBy('api'))], {
      state: 'refunded',
      captured: AMOUNT,
      refunded: AMOUNT,
    }),
    twice(
      scenario(
        'everything-twice',
        { paymentMethod: 'pm_card_visa_chargeDeclinedInsufficientFunds' },
        (make) => [
          make.onDecline(make.failed, make.otherCard),
          make.on('paid', make.captured),
          ...make.parcel(),
        ],
      ),
    ),
    twice(
      scenario('cancelled-twice', {}, (make) => [make.on('fulfilling', make.cancelled)], {
        state: 'refunded',
        captured: AMOUNT,
        refunded: AMOUNT,
      }),
    ),
    outOfOrder(scenario('out-of-order', {}, () => [])),
  ];
}

function line(sku: string, amount: number): PlacedOrder['lines'][number] {
  return { sku, quantity: 1, amount, sellerId: 'demo-shop' };
}

type Change = Partial<Omit<PlacedOrder, 'paymentMethod'>> & {
  readonly paymentMethod?: string | undefined;
};

function scenario(
  name: string,
  { paymentMethod = 'pm_card_visa', ...change }: Change,
  reactions: (make: EventMaker) => readonly Reaction[],
  ends: Scenario['ends'] = { state: 'closed', captured: AMOUNT, refunded: 0 },
): Scenario {
  const lines = change.lines ?? [line('record', AMOUNT)];
  const free = lines.every(({ amount }) => amount === 0);
  const placed: PlacedOrder = {
    version: 1,
    channel: 'demo',
    orderId: name,
    customerId: 'demo-customer',
    currency: 'USD',
    lines,
    ...(!free && { paymentMethod }),
  };
  const make = eventMaker(name);
  return {
    name,
    placed,
    early: [],
    placing: [make.event('OrderPlaced', placed, 'bus')],
    reactions: reactions(make),
    ends: free ? { ...ends, captured: 0 } : ends,
  };
}

type EventMaker = ReturnType<typeof eventMaker>;

/** Makes the events of one order. */
function eventMaker(orderId: string) {
  const key = { version: 1, channel: 'demo', orderId } as const;
  const event = <Type extends EventType>(
    type: Type,
    data: EventData<Type>,
    way: Way,
  ): SampleEvent => ({ type, data, eventId: `${orderId}-${type}`, way });
  type Make = (row: OrderRow) => SampleEvent;

  const cancelledBy =
    (way: Way): Make =>
    () =>
      event('OrderCancelled', { ...key, reason: 'changed-my-mind', requestedBy: 'customer' }, way);
  const captured: Make = ({ payment, total }) =>
    event(
      'PaymentCaptured',
      {
        ...key,
        paymentIntentId: payment.intentId ?? 'missing',
        amount: total.amount,
        currency: total.currency,
      },
      'fifo',
    );
  const failed: Make = ({ payment }) =>
    event(
      'PaymentFailed',
      {
        ...key,
        paymentIntentId: payment.intentId ?? 'missing',
        declineCode: payment.declineCode ?? 'missing',
      },
      'bus',
    );
  const otherCard: Make = () =>
    event('PaymentMethodUpdated', { ...key, paymentMethod: 'pm_card_mastercard' }, 'fifo');
  const dispatched: Make = () =>
    event('ShipmentDispatched', { ...key, shipmentId: '1', carrier: 'post' }, 'bus');
  const delivered: Make = () => event('ShipmentDelivered', { ...key, shipmentId: '1' }, 'queue');

  const on = (state: OrderState, ...make: readonly Make[]): Reaction => ({
    state,
    events: (row) => make.map((one) => one(row)),
  });
  return {
    event,
    captured,
    failed,
    otherCard,
    cancelled: cancelledBy('bus'),
    cancelledBy,
    dispatched,
    delivered,
    on,
    onDecline: (...make: readonly Make[]): Reaction => ({
      ...on('awaiting-payment', ...make),
      withReason: true,
    }),
    parcel: (): readonly Reaction[] => [on('fulfilling', dispatched), on('shipped', delivered)],
  };
}

/** Each event comes twice, under the same ID. */
function twice(once: Scenario): Scenario {
  const double = (events: readonly SampleEvent[]) => events.flatMap((event) => [event, event]);
  return {
    ...once,
    placing: double(once.placing),
    reactions: once.reactions.map((reaction) => ({
      ...reaction,
      events: (row) => double(reaction.events(row)),
    })),
  };
}

/** The carrier's news come before the order, and the last of it first. */
function outOfOrder(inOrder: Scenario): Scenario {
  const make = eventMaker(inOrder.name);
  const row = {} as OrderRow;
  return { ...inOrder, early: [make.delivered(row), make.dispatched(row)] };
}
