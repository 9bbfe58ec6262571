import { connectTo } from '../../dev/clients.ts';
import { seedStock } from '../../dev/feed/stock.ts';
import type { TokenRequest } from '../../dev/issuer/request.ts';
import type { Stack } from '../../dev/stack.ts';
import { EVENTS, type EventData, type EventType } from '../../src/contracts/events.ts';
import { eventually, uniqueId } from '../support/servers.ts';
import { tokenOf } from '../support/stack.ts';

/** What is there before the API is fuzzed: without it, whatever is asked is a 404. */
export interface Known {
  /** As the first page of all that the asker may see gave it. */
  readonly cursor: string;
  /** By operation: what of it is likely to succeed. */
  readonly ids: Readonly<Record<string, readonly string[]>>;
}

/** Whose orders they are. */
export const CUSTOMER = 'fuzz';
/** Screening is in doubt about it. */
const DOUBTFUL = 'doubtful-fuzz';
const SKU = 'fuzz';
/** As many lines and pieces as there may be, so that most that is said of a line can be true. */
const LINES = 50;
const PIECES = 10_000;

/**
 * Places orders of all kinds through the API, and takes each to the state in which something can be asked of it.
 *
 * @param who - asks afterwards.
 */
export async function placeFuzzedOrders(stack: Stack, who: TokenRequest): Promise<Known> {
  const clients = await connectTo(stack);
  await seedStock(clients.table, clients.stockTable, { [SKU]: 1_000_000_000 });
  await clients.close();
  const api = await apiOf(stack, { role: 'staff' });

  const many = async (count: number, make: () => Promise<string>) =>
    await Promise.all(Array.from({ length: count }, make));
  const order = async (state: string, change: object = {}) => {
    const { id } = await api.post('/orders', { ...FREE, ...change });
    await api.until(`/orders/${id}`, state);
    return id;
  };
  const closed = async () => {
    const id = await order('fulfilling');
    const [channel = '', orderId = ''] = id.split(':');
    // The one parcel of an order of one seller.
    const key = { version: 1, channel, orderId, shipmentId: '1' } as const;
    await api.send('ShipmentDispatched', { ...key, carrier: 'post' });
    await api.send('ShipmentDelivered', key);
    await api.until(`/orders/${id}`, 'closed');
    return id;
  };
  const [ended, running, unpaid, doubtful] = await Promise.all([
    many(2, closed),
    many(8, () => order('fulfilling')),
    many(4, () => order('awaiting-payment', DECLINED)),
    many(6, () => order('on-review', { customerId: DOUBTFUL })),
  ]);
  const [cancelled = ''] = await many(1, () => order('fulfilling'));
  await api.post(`/orders/${cancelled}/cancel`, { reason: 'changed-my-mind' });
  await api.until(`/orders/${cancelled}`, 'cancelled');

  const requested = async () => {
    const lines = LINE_NUMBERS.map((line) => ({ line, quantity: PIECES / 20 }));
    const { id } = await api.post(`/orders/${ended[0]}/returns`, { lines, reason: 'too-loud' });
    await api.until(`/returns/${id}`, 'awaiting-goods');
    return id;
  };
  const inspecting = async () => {
    const returnId = await requested();
    await api.send('GoodsReceived', { version: 1, returnId });
    await api.until(`/returns/${returnId}`, 'inspecting');
    return returnId;
  };
  const [awaited, open, [inspected = '']] = await Promise.all([
    many(1, requested),
    many(6, inspecting),
    many(1, inspecting),
  ]);
  await api.post(`/returns/${inspected}/inspection`, { accepted: [], reason: 'broken' });
  await api.until(`/returns/${inspected}`, 'refused');

  const orders = [...ended, ...running, ...unpaid, ...doubtful, cancelled];
  return {
    cursor: (await (await apiOf(stack, who)).get('/orders?limit=1')).cursor,
    ids: {
      readOrder: orders,
      // The stream of any other goes on.
      followOrder: [...ended, cancelled],
      cancelOrder: [...running, ...doubtful, ...ended],
      changePaymentMethod: [...unpaid, ...running],
      decideReview: [...doubtful, ...ended],
      requestReturn: [...ended, ...running],
      listReturns: orders,
      readReturn: [...awaited, ...open, inspected],
      inspectReturn: [...open, ...awaited, inspected],
    },
  };
}

const LINE_NUMBERS = Array.from({ length: LINES }, (_, index) => index + 1);
const FREE = {
  customerId: CUSTOMER,
  currency: 'EUR',
  lines: LINE_NUMBERS.map(() => ({ sku: SKU, quantity: PIECES, amount: 0, sellerId: 'fuzz-shop' })),
};
const DECLINED = {
  lines: [{ sku: SKU, quantity: 1, amount: 100, sellerId: 'fuzz-shop' }],
  paymentMethod: 'pm_card_visa_chargeDeclined',
};

/** As much of an answer as is looked at, each part where the operation has it. */
interface Said {
  readonly id: string;
  readonly state: string;
  readonly cursor: string;
}

/** The API as somebody asks it. */
async function apiOf(stack: Stack, who: TokenRequest) {
  const authorization = `Bearer ${await tokenOf(stack, who)}`;
  async function ask(path: string, body?: object): Promise<Said> {
    const response = await fetch(new URL(path, stack.urls.api), {
      headers: {
        authorization,
        ...(body && { 'content-type': 'application/json', 'idempotency-key': uniqueId('key') }),
      },
      ...(body && { method: 'POST', body: JSON.stringify(body) }),
    });
    const said = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${said}`);
    return JSON.parse(said) as Said;
  }
  return {
    get: async (path: string) => await ask(path),
    post: ask,
    send: async <Type extends EventType>(type: Type, data: EventData<Type>) =>
      await ask('/ingress/events', {
        source: EVENTS[type].source,
        type,
        eventId: uniqueId('event'),
        data,
      }),
    until: async (path: string, state: string) =>
      await eventually(async () => (await ask(path)).state === state, { within: 30_000 }),
  };
}
