import assert from 'node:assert/strict';
import { SQSClient } from '@aws-sdk/client-sqs';
import { DeleteCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import type { Client, ListOptions } from '@temporalio/client';
import { audit, type AuditSources } from '../../src/console/audit.ts';
import { inboxSignal } from '../../src/contracts/inbox.ts';
import {
  cancelOrder,
  decideReview,
  orderWorkflow,
  type OrderRow,
  type PlacedOrder,
} from '../../src/contracts/orders.ts';
import {
  decideInspection,
  returnQuery,
  returnWorkflow,
  returnWorkflowId,
} from '../../src/contracts/returns.ts';
import { DEFAULT_RETURN_POLICY, type OrderPolicy } from '../../src/domain/policy.ts';
import { createStripe } from '../../src/platform/stripe.ts';
import {
  event,
  startOrderService,
  type OrderHandle,
  type OrderService,
} from '../support/orderService.ts';
import { eventually, uniqueId } from '../support/servers.ts';

const CUSTOMER = { reason: 'changed my mind', requestedBy: 'customer:c-1' };
const STAFF = { requestedBy: 'staff:ana', reason: 'as it is' };
const LINES: PlacedOrder['lines'] = [
  { sku: 'record', quantity: 1, amount: 1_999, sellerId: 'seller-1' },
  { sku: 'sleeve', quantity: 2, amount: 1_000, sellerId: 'seller-2' },
];

const fulfilling = (row: OrderRow) => row.waitingFor === 'dispatch';

describe('the audit', () => {
  let service: OrderService;
  let sources: AuditSources;
  let sqs: SQSClient;
  const ours: string[] = [];

  before(async function () {
    this.timeout(180_000);
    service = await startOrderService();
    await service.startPayments();
    sqs = new SQSClient(service.account);
    sources = {
      temporal: clientOfOurs(),
      table: service.table,
      sqs,
      stripe: createStripe({
        apiKey: 'sk_test_local',
        baseUrl: service.provider.url,
        timeoutMs: 10_000,
      }),
      ordersTable: service.outputs.OrdersTable,
      stockTable: service.outputs.StockTable,
      paymentsTable: service.outputs.PaymentsTable,
      returnsTable: service.outputs.ReturnsTable,
      queues: [],
      sent: [],
      acknowledged: new Map(),
    };
  });
  after(async () => {
    sqs.destroy();
    await service.stop();
  });

  async function place(
    change: { readonly customerId?: string } = {},
    policy: Partial<OrderPolicy> = {},
  ): Promise<OrderHandle> {
    const handle = await service.place({ lines: LINES, ...change }, policy);
    ours.push(handle.workflowId);
    return handle;
  }

  /** Lists this test's workflows alone: the Temporal service has those of other tests, some without a worker. */
  function clientOfOurs(): Client {
    const { options, workflow } = service.client;
    const list = async function* ({ query = '' }: ListOptions) {
      const prefix = query.includes(`'${orderWorkflow.workflowType}'`) ? 'order:' : 'return:';
      yield* ours.filter((id) => id.startsWith(prefix)).map((workflowId) => ({ workflowId }));
    };
    const getHandle = (id: string) => workflow.getHandle(id);
    return { options, workflow: { list, getHandle } } as unknown as Client;
  }

  async function disagreements(): Promise<readonly string[]> {
    const { disagreements: all } = await audit(sources);
    return all.map(({ says }) => says);
  }

  async function delivered(): Promise<OrderHandle> {
    const handle = await place();
    await service.until(handle, fulfilling);
    await service.deliver(handle);
    assert.equal((await handle.result()).state, 'closed');
    return handle;
  }

  /** One sleeve comes back. */
  async function returned(order: OrderHandle) {
    const [, channel = '', orderId = ''] = order.workflowId.split(':');
    const returnId = uniqueId('return');
    const workflowId = returnWorkflowId(returnId);
    ours.push(workflowId);
    const handle = await service.client.workflow.start(returnWorkflow.workflowType, {
      taskQueue: returnWorkflow.taskQueue,
      workflowId,
      args: [
        {
          returnId,
          order: { channel, orderId },
          request: { ...CUSTOMER, lines: [{ line: 2, quantity: 1 }] },
          policy: DEFAULT_RETURN_POLICY,
        },
      ],
    });
    const waiting = (what: string) =>
      eventually(async () => (await handle.query(returnQuery)).waitingFor === what);
    await waiting('goods');
    const goods = { id: uniqueId('goods'), type: 'GoodsReceived', data: { version: 1, returnId } };
    await handle.signal(inboxSignal, [goods]);
    await waiting('inspection');
    await handle.executeUpdate(decideInspection, {
      args: [{ ...STAFF, accepted: [{ line: 2, quantity: 1 }] }],
    });
    await handle.result();
    return { workflowId, goods };
  }

  it('finds nothing in orders that ended in every way, and in their returns', async function () {
    this.timeout(180_000);
    await delivered();

    const cut = await place();
    await service.until(cut, fulfilling);
    await cut.executeUpdate(cancelOrder, { args: [{ ...CUSTOMER, lines: [2] }] });
    await service.until(cut, ({ cancelledLines }) =>
      cancelledLines.every(({ settled }) => settled),
    );

    const early = await place({ customerId: 'doubtful-1' });
    await service.until(early, ({ waitingFor }) => waitingFor === 'review');
    await early.executeUpdate(cancelOrder, { args: [{ ...CUSTOMER, lines: [1] }] });
    await early.executeUpdate(decideReview, { args: [{ ...STAFF, decision: 'approve' }] });
    await service.until(early, fulfilling);

    const refunded = await place();
    await service.until(refunded, fulfilling);
    await refunded.executeUpdate(cancelOrder, { args: [{ ...CUSTOMER, lines: [2] }] });
    await refunded.executeUpdate(cancelOrder, { args: [CUSTOMER] });
    assert.equal((await refunded.result()).state, 'refunded');

    const rejected = await place({ customerId: 'fraudulent-1' });
    assert.equal((await rejected.result()).state, 'rejected');
    const cancelled = await place({ customerId: 'doubtful-1' });
    await service.until(cancelled, ({ waitingFor }) => waitingFor === 'review');
    await cancelled.executeUpdate(cancelOrder, { args: [CUSTOMER] });
    assert.equal((await cancelled.result()).state, 'cancelled');

    const { goods } = await returned(await delivered());
    assert.deepEqual(await disagreements(), []);

    // An event for a return is accounted for by the return's inbox.
    const sent = [{ id: goods.id, type: goods.type, orderKey: null }];
    const { events } = await audit({ ...sources, sent });
    assert.deepEqual([events.applied, events.lost], [1, []]);
  });

  it('finds nothing in orders whose parcels were lost, in whatever way', async function () {
    this.timeout(180_000);
    const lose = (handle: OrderHandle, shipmentId: string) =>
      service.send(handle, event(handle, 'ShipmentLost', { shipmentId }));

    const replaced = await place();
    await service.until(replaced, fulfilling);
    await lose(replaced, '1');
    await service.until(replaced, ({ shipments }) => shipments[2]?.status === 'booked');
    await service.deliver(replaced);
    assert.equal((await replaced.result()).state, 'closed');

    const inPart = await place({}, { onLostParcel: 'refund' });
    await service.until(inPart, fulfilling);
    await lose(inPart, '1');
    await service.until(inPart, ({ payment }) => payment.refunded > 0);
    await service.deliver(inPart);
    assert.equal((await inPart.result()).state, 'closed');

    const whole = await place({}, { onLostParcel: 'refund' });
    await service.until(whole, fulfilling);
    await lose(whole, '1');
    await lose(whole, '2');
    assert.equal((await whole.result()).state, 'refunded');

    assert.deepEqual(await disagreements(), []);
  });

  it('finds pieces that came back and are not on sale, and money that nobody speaks of', async function () {
    this.timeout(180_000);
    const order = await delivered();
    const { workflowId } = await returned(order);
    const key = { key: `RESTOCK#${workflowId}` };
    await service.table.send(
      new DeleteCommand({ TableName: service.outputs.StockTable, Key: key }),
    );
    const { intents, row } = await service.look(order);
    await sources.stripe.refunds.create({
      payment_intent: intents[0]?.intentId ?? '',
      amount: 100,
    });
    await service.table.send(
      new PutCommand({
        TableName: service.outputs.OrdersTable,
        Item: { orderKey: order.workflowId, ...row, state: 'shipped' },
      }),
    );
    const found = await disagreements();
    for (const says of [
      '1 pieces of sleeve were accepted and are not on sale again',
      '600 was refunded, its row says 0, and its returns 500',
      'its workflow is closed, its row shipped',
    ]) {
      assert.ok(found.includes(says), found.join('\n'));
    }
  });
});
