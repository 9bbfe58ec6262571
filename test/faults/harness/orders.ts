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

/** @param count - 1 to 6,919. */
export function purchasesToFeed(count: number): readonly Scenario[] {
  return readPurchases(count).map((placed, index) => {
    const scenario = purchaseScenario(placed, index);
    if (index % TOLD_IN_ORDER !== 0 || scenario.ends.captured === 0) return scenario;
    const inOrder = { state: 'fulfilling', events: toldInOrder } as const;
    return { ...scenario, reactions: [inOrder, ...scenario.reactions] };
  });
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
