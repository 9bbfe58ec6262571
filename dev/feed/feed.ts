import type { OrderNotification, OrderRow, PlacedOrder } from '../../src/contracts/orders.ts';
import { orderWorkflowId } from '../../src/contracts/orders.ts';
import { totalOf } from '../../src/domain/order.ts';
import { SOURCES } from '../../src/contracts/events.ts';
import type { Sender } from './sender.ts';
import type { SampleEvent, Scenario } from './scenarios.ts';

export interface FeedOptions {
  readonly scenarios: readonly Scenario[];
  readonly sender: Sender;
  readonly readOrder: (orderKey: string) => Promise<OrderRow | undefined>;
}

/** The event of the feed that nobody can read: it has to be parked. */
export const MALFORMED = {
  source: SOURCES.storefront,
  type: 'OrderPlaced',
  eventId: 'malformed-OrderPlaced',
} as const;

/**
 * Plays the world around the order service: places the orders, and answers what becomes of them with what a
 * customer, a provider or a carrier would send. Sends the same events when it is run again: what is known
 * already changes nothing.
 */
export function createFeed({ scenarios, sender, readOrder }: FeedOptions) {
  const byKey = new Map(scenarios.map((scenario) => [orderWorkflowId(scenario.placed), scenario]));
  const reacted = new Set<string>();
  const reactions: Promise<void>[] = [];

  async function react(orderKey: string, state: OrderRow['state'], reason: string | null) {
    const scenario = byKey.get(orderKey);
    for (const [index, reaction] of (scenario?.reactions ?? []).entries()) {
      const once = `${orderKey}#${index}`;
      if (reaction.state !== state || reacted.has(once)) continue;
      if (reaction.withReason && reason === null) continue;
      reacted.add(once);
      const row = await readOrder(orderKey);
      if (row) for (const event of reaction.events(row)) await sender.send(event);
    }
  }

  return {
    /** Places every order, in their order; an order that is there already goes on where it is. */
    async place(): Promise<void> {
      await sender.sendMalformed(MALFORMED.source, MALFORMED.type, MALFORMED.eventId, {
        version: 1,
        channel: 'demo',
        orderId: 'malformed',
        customerId: 'demo-customer',
        currency: 'USD',
        lines: [{ sku: 'record', quantity: 1, amount: -1, sellerId: 'demo-shop' }],
        paymentMethod: 'pm_card_visa',
      });
      for (const scenario of scenarios) {
        for (const event of [...scenario.early, ...scenario.placing]) await sender.send(event);
        const row = await readOrder(orderWorkflowId(scenario.placed));
        if (row) await react(row.workflowId, row.state, row.reason);
      }
    },

    /** Answers one notification of the service. */
    notice({ workflowId, state, reason }: OrderNotification): void {
      const reaction = react(workflowId, state, reason);
      // Its failure is told by `answered`.
      reaction.catch(() => undefined);
      reactions.push(reaction);
    },

    /**
     * Resolves when every answer has been sent, with whether there was a notification since the last call;
     * rejects when an answer could not be sent.
     */
    async answered(): Promise<boolean> {
      const latest = reactions.splice(0);
      await Promise.all(latest);
      return latest.length > 0;
    },
  };
}

/** A purchase of the sample as a scenario: paid and delivered. They enter by bus, queue and API in turn. */
export function purchaseScenario(placed: PlacedOrder, index: number): Scenario {
  const { channel, orderId } = placed;
  const ways = ['bus', 'bus', 'queue', 'api'] as const;
  const event = (
    type: SampleEvent['type'],
    data: object,
    way: SampleEvent['way'],
  ): SampleEvent => ({
    type,
    data: { version: 1, channel, orderId, ...data } as SampleEvent['data'],
    eventId: `${channel}-${orderId}-${type}`,
    way,
  });
  const shipmentId = '1';
  return {
    name: `${channel} ${orderId}`,
    placed,
    early: [],
    placing: [event('OrderPlaced', placed, ways[index % ways.length] ?? 'bus')],
    reactions: [
      {
        state: 'fulfilling',
        events: () => [event('ShipmentDispatched', { shipmentId, carrier: 'post' }, 'bus')],
      },
      { state: 'shipped', events: () => [event('ShipmentDelivered', { shipmentId }, 'bus')] },
    ],
    ends: { state: 'closed', captured: totalOf(placed.lines, placed.currency).amount, refunded: 0 },
  };
}
