import { purchaseScenario } from '../../../dev/feed/feed.ts';
import { readPurchases } from '../../../dev/feed/purchases.ts';
import { scenarios, type SampleEvent, type Scenario } from '../../../dev/feed/scenarios.ts';
import type { OrderRow } from '../../../src/contracts/orders.ts';

/** One purchase in so many is told of by the payment provider in order (FIFO). */
const TOLD_IN_ORDER = 4;

/** Every way an order can go, and so many purchases of the sample. */
export function ordersToFeed(purchases: number): readonly Scenario[] {
  return [...scenarios(), ...purchasesToFeed(purchases)];
}

/**
 * Purchases of the sample. Of ten, one is cancelled once it is paid, one paid with a second card, and one given up when
 * its card is declined: so that refunds and voids come all the time, too.
 *
 * @param count - 1 to 6,919.
 */
export function purchasesToFeed(count: number): readonly Scenario[] {
  return readPurchases(count).map((placed, index) => {
    const scenario = purchaseScenario(placed, index);
    if (scenario.ends.captured === 0) return scenario;
    if (index % TOLD_IN_ORDER === 0) {
      const inOrder = { state: 'fulfilling', events: toldInOrder } as const;
      return { ...scenario, reactions: [inOrder, ...scenario.reactions] };
    }
    switch (index % 10) {
      case 3:
        return cancelledOncePaid(scenario);
      case 5:
        return paidWithSecondCard(scenario);
      case 7:
        return givenUpWhenDeclined(scenario);
      default:
        return scenario;
    }
  });
}

function cancelledOncePaid(scenario: Scenario): Scenario {
  const { captured } = scenario.ends;
  return {
    ...scenario,
    reactions: [{ state: 'fulfilling', events: () => [cancellation(scenario)] }],
    ends: { state: 'refunded', captured, refunded: captured },
  };
}

function paidWithSecondCard(scenario: Scenario): Scenario {
  const { channel, orderId } = scenario.placed;
  const card = { version: 1, channel, orderId, paymentMethod: 'pm_card_mastercard' } as const;
  const other: SampleEvent = {
    type: 'PaymentMethodUpdated',
    data: card,
    eventId: `${channel}-${orderId}-other-card`,
    way: 'fifo',
  };
  const { reactions, ...declined } = withDeclinedCard(scenario);
  return { ...declined, reactions: [onDecline(other), ...reactions] };
}

function givenUpWhenDeclined(scenario: Scenario): Scenario {
  return {
    ...withDeclinedCard(scenario),
    reactions: [onDecline(cancellation(scenario))],
    ends: { state: 'cancelled', captured: 0, refunded: 0 },
  };
}

function withDeclinedCard(scenario: Scenario): Scenario {
  const placed = {
    ...scenario.placed,
    paymentMethod: 'pm_card_visa_chargeDeclinedInsufficientFunds',
  };
  return {
    ...scenario,
    placed,
    placing: scenario.placing.map((one) => ({ ...one, data: placed })),
  };
}

function onDecline(event: SampleEvent): Scenario['reactions'][number] {
  return { state: 'awaiting-payment', withReason: true, events: () => [event] };
}

/** By bus and by API in turn. */
function cancellation({ placed: { channel, orderId } }: Scenario): SampleEvent {
  const data = { version: 1, channel, orderId } as const;
  return {
    type: 'OrderCancelled',
    data: { ...data, reason: 'changed-my-mind', requestedBy: 'customer' },
    eventId: `${channel}-${orderId}-OrderCancelled`,
    way: Number(orderId) % 4 < 2 ? 'bus' : 'api',
  };
}

/** A capture, and then cards that come too late: each is refused, in the order of its group. */
function toldInOrder({ channel, orderId, payment, total }: OrderRow): readonly SampleEvent[] {
  const key = { version: 1, channel, orderId } as const;
  const eventId = (name: string) => `${channel}-${orderId}-${name}`;
  const captured = {
    ...key,
    paymentIntentId: payment.intentId ?? 'missing',
    amount: total.amount,
    currency: total.currency,
  };
  const late = ['pm_card_visa', 'pm_card_mastercard', 'pm_card_amex'].map(
    (paymentMethod): SampleEvent => ({
      type: 'PaymentMethodUpdated',
      data: { ...key, paymentMethod },
      eventId: eventId(paymentMethod),
      way: 'fifo',
    }),
  );
  return [
    { type: 'PaymentCaptured', data: captured, eventId: eventId('captured'), way: 'fifo' },
    ...late,
  ];
}
