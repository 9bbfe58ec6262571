import assert from 'node:assert/strict';
import { DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { GetCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { WorkflowUpdateFailedError } from '@temporalio/client';
import { defineSearchAttributeKey } from '@temporalio/common';
import { inboxQuery, inboxSignal } from '../../src/contracts/inbox.ts';
import { orderWorkflowId, type OrderKey } from '../../src/contracts/orders.ts';
import {
  decideInspection,
  RETURN_STATE_ATTRIBUTE,
  resolveReturn,
  resumeReturn,
  returnQuery,
  returnWorkflow,
  returnWorkflowId,
  type ReturnedPieces,
  type ReturnInput,
  type ReturnNotification,
} from '../../src/contracts/returns.ts';
import { DEFAULT_RETURN_POLICY } from '../../src/domain/policy.ts';
import { advance } from '../support/clock.ts';
import {
  goodsReceived,
  inspection,
  startReturnService,
  type ReturnHandle,
  type ReturnService,
} from '../support/returnService.ts';
import { eventually, uniqueId } from '../support/servers.ts';

const DAY = 86_400;
const STATE = defineSearchAttributeKey(RETURN_STATE_ATTRIBUTE, 'KEYWORD');
const OPERATOR = { requestedBy: 'staff:ana' };

const mugs = (quantity: number) => ({ line: 1, quantity });

describe('the return workflow', () => {
  let service: ReturnService;
  let sqs: SQSClient;
  /** Everything that was published so far, as it was taken from the queue. */
  const published: ReturnNotification[] = [];

  before(async function () {
    this.timeout(180_000);
    service = await startReturnService();
    sqs = new SQSClient(service.account);
  });
  after(async () => {
    sqs.destroy();
    await service.stop();
  });

  /** What was told of a return, each once and in its order, from `requested` up to this. */
  async function toldUntil(
    { workflowId }: Pick<ReturnHandle, 'workflowId'>,
    is: (told: ReturnNotification) => boolean,
  ): Promise<readonly ReturnNotification[]> {
    const QueueUrl = service.outputs.AnalyticsQueueUrl;
    return await eventually(async () => {
      const { Messages: messages = [] } = await sqs.send(
        new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }),
      );
      for (const { Body = '', ReceiptHandle } of messages) {
        published.push(JSON.parse(Body) as ReturnNotification);
        await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      }
      const told = published.filter((one) => one.workflowId === workflowId);
      const byVersion = new Map(told.map((one) => [one.version, one]));
      const inOrder = [...byVersion.values()].toSorted((one, other) => one.version - other.version);
      return inOrder.some(is) && inOrder;
    });
  }

  const linesOf = (told: readonly ReturnNotification[]) =>
    told.map(({ version, type, state, reason }) =>
      [version, type, state, reason].filter((part) => part !== null).join(' '),
    );
  const isReminder = ({ type }: ReturnNotification) => type === 'return-reminder';

  /** A return whose goods came, and wait for their inspection. */
  async function inspecting(order: OrderKey, quantity: number, policy = {}): Promise<ReturnHandle> {
    const handle = await service.request(order, [mugs(quantity)], policy);
    await service.untilWaiting(handle, 'goods');
    await handle.signal(inboxSignal, [goodsReceived(handle)]);
    await service.untilWaiting(handle, 'inspection');
    return handle;
  }

  const decide = (handle: ReturnHandle, ...accepted: readonly ReturnedPieces[]) =>
    handle.executeUpdate(decideInspection, { args: [inspection(...accepted)] });

  /** What the provider has taken and given back. */
  async function money(order: OrderKey): Promise<readonly [number, number]> {
    const { captured, refunded } = await service.look({ workflowId: orderWorkflowId(order) });
    return [captured, refunded];
  }

  async function stockOf(sku: string): Promise<number> {
    const Key = { key: `SKU#${sku}` };
    const command = new GetCommand({
      TableName: service.outputs.StockTable,
      Key,
      ConsistentRead: true,
    });
    return ((await service.table.send(command)).Item?.['available'] as number | undefined) ?? 0;
  }

  it('carries a return from its request to its refund', async () => {
    const sku = uniqueId('sku');
    const order = await service.delivered([
      { sku, quantity: 3, amount: 1_000, sellerId: 'seller-1' },
    ]);
    const handle = await inspecting(order, 3);
    const request = 'fingerprint';
    const answer = await handle.executeUpdate(decideInspection, {
      args: [{ ...inspection(mugs(3)), request }],
    });
    assert.deepEqual(answer, { accepted: true, state: 'refunding', request });
    const result = await handle.result();
    assert.deepEqual([result.state, result.refunded], ['refunded', 1_000]);
    assert.deepEqual(await money(order), [1_000, 1_000]);
    assert.equal(await stockOf(sku), 3);

    const row = await service.stored(handle);
    assert.deepEqual(
      row,
      await handle.query(returnQuery).then((now) => ({
        ...now,
        returnKey: handle.workflowId,
        orderKey: orderWorkflowId(order),
      })),
    );
    assert.deepEqual(
      [row.state, row.waitingFor, row.customerId, row.currency, row.refund, row.accepted],
      ['refunded', null, 'customer-1', 'USD', { amount: 1_000, currency: 'USD' }, [mugs(3)]],
    );
    assert.deepEqual(
      row.timeline.map(({ kind, name, outcome }) => [kind, name, outcome].join(' ').trim()),
      [
        'command request-return applied',
        'state requested',
        'step open-return opened',
        'state awaiting-goods',
        'event GoodsReceived applied',
        'state inspecting',
        'command decide-inspection applied',
        'state refunding',
        'step refund-payment done',
        'step restock done',
        'step close-return done',
        'state refunded',
      ],
    );
    assert.equal(row.revision, row.timeline.length);
    await service.record(handle, 'return-refunded');
  });

  it('returns what an order has paid for and received', async () => {
    const placed = await service.place({
      lines: [{ sku: 'record', quantity: 2, amount: 2_999, sellerId: 'seller-1' }],
    });
    const order = await service.until(placed, ({ state }) => state === 'fulfilling');
    await service.deliver(placed);
    assert.equal((await placed.result()).state, 'closed');

    const { channel, orderId } = order;
    const handle = await inspecting({ channel, orderId }, 1);
    await decide(handle, mugs(1));
    assert.equal((await handle.result()).refunded, 1_499);
    assert.deepEqual(await money(order), [2_999, 1_499]);
  });

  it('refunds what is accepted, and the rest with the last pieces', async () => {
    const order = await service.delivered();
    const first = await inspecting(order, 3);
    await decide(first, mugs(2), { line: 1, quantity: 0 });
    assert.equal((await first.result()).refunded, 666);
    await service.record(first, 'return-in-part');

    const second = await inspecting(order, 1);
    await decide(second, mugs(1));
    assert.equal((await second.result()).refunded, 334);
    assert.deepEqual(await money(order), [1_000, 1_000]);
    const third = await service.request(order, [mugs(1)]);
    assert.equal((await third.result()).state, 'rejected');
  });

  it('refunds nothing that is not accepted, and lets it be returned again', async () => {
    const order = await service.delivered();
    const handle = await inspecting(order, 3);
    const answer = await decide(handle);
    assert.deepEqual(answer, { accepted: true, state: 'inspecting' });
    const result = await handle.result();
    assert.deepEqual([result.state, result.refunded], ['refused', 0]);
    assert.deepEqual(await money(order), [1_000, 0]);
    await service.untilWaiting(await service.request(order, [mugs(3)]), 'goods');
    await service.record(handle, 'return-refused');
  });

  it('asks no provider about pieces that were free', async () => {
    const order = await service.delivered([
      { sku: 'cap', quantity: 2, amount: 0, sellerId: 'seller-2' },
    ]);
    const handle = await inspecting(order, 2);
    await decide(handle, mugs(2));
    const result = await handle.result();
    assert.deepEqual([result.state, result.refunded], ['refunded', 0]);
    const { timeline } = await service.stored(handle);
    assert.ok(timeline.every(({ name }) => name !== 'refund-payment'));
  });

  it("awaits its goods for the policy's time, and no longer", async () => {
    const order = await service.delivered();
    const [early, late] = await Promise.all([
      service.request(order, [mugs(1)]),
      service.request(order, [mugs(2)]),
    ]);
    await Promise.all([early, late].map((handle) => service.untilWaiting(handle, 'goods')));

    await advance(early, 30 * DAY - 60);
    await early.signal(inboxSignal, [goodsReceived(early)]);
    await service.untilWaiting(early, 'inspection');

    await advance(late, 30 * DAY + 1);
    assert.equal((await late.result()).state, 'expired');
    const row = await service.stored(late);
    assert.deepEqual([row.state, row.reason], ['expired', 'goods-not-received']);
    assert.deepEqual(await money(order), [1_000, 0]);
    await service.untilWaiting(await service.request(order, [mugs(2)]), 'goods');
    await service.record(late, 'return-expired');
  });

  it('tells of each change of its state, with the revision of its row', async () => {
    const order = await service.delivered();
    const handle = await inspecting(order, 2);
    // A command that changes nothing is in the row, and told to nobody.
    await handle.executeUpdate(resumeReturn, { args: [OPERATOR] });
    await decide(handle, mugs(2));
    await handle.result();
    const told = await toldUntil(handle, ({ state }) => state === 'refunded');
    const { timeline } = await service.stored(handle);
    assert.deepEqual(
      linesOf(told),
      timeline
        .filter(({ kind }) => kind === 'state')
        .map(({ n, name }) => `${n} return-state ${name}`),
    );
    assert.equal(told.length, 5);
    const { returnId, orderId, customerId, severity, notificationId, text } = told.at(-1) ?? {};
    assert.deepEqual(
      { workflowId: `return:${returnId}`, orderId, customerId, severity },
      {
        workflowId: handle.workflowId,
        orderId: order.orderId,
        customerId: 'customer-1',
        severity: 'info',
      },
    );
    assert.equal(notificationId, `${handle.workflowId}/${timeline.at(-1)?.n}`);
    assert.equal(text?.subject, `Your return ${returnId} has been accepted`);
  });

  it('tells the customer why it is rejected', async () => {
    const order = await service.delivered();
    const handle = await service.request(order, [mugs(4)]);
    await handle.result();
    const told = await toldUntil(handle, ({ state }) => state === 'rejected');
    assert.deepEqual(linesOf(told), [
      '2 return-state requested',
      '4 return-state rejected more-than-sold',
    ]);
    assert.equal(told[1]?.customerId, 'customer-1');
    assert.match(told[1]?.text?.body ?? '', /^These are more pieces than you ordered\./);
  });

  it('reminds of goods that do not come, at each time of its policy, and not after they came', async () => {
    const order = await service.delivered();
    const policy = { remindAfterSeconds: [25 * DAY, 7 * DAY, 14 * DAY] };
    const handle = await service.request(order, [mugs(2)], policy);
    await service.untilWaiting(handle, 'goods');
    await advance(handle, 6 * DAY);
    assert.equal((await handle.query(returnQuery)).reminders, undefined);
    await advance(handle, 2 * DAY);
    await eventually(async () => (await handle.query(returnQuery)).reminders === 1);
    await advance(handle, 7 * DAY);
    await eventually(async () => (await handle.query(returnQuery)).reminders === 2);

    await handle.signal(inboxSignal, [goodsReceived(handle)]);
    await service.untilWaiting(handle, 'inspection');
    await advance(handle, 20 * DAY);
    await decide(handle, mugs(2));
    assert.equal((await handle.result()).refunded, 666);
    const told = await toldUntil(handle, ({ state }) => state === 'refunded');
    assert.deepEqual(linesOf(told), [
      '2 return-state requested',
      '4 return-state awaiting-goods',
      '5 return-reminder awaiting-goods',
      '6 return-reminder awaiting-goods',
      '8 return-state inspecting',
      '10 return-state refunding',
      '14 return-state refunded',
    ]);
    const [first, second] = told.filter(isReminder);
    assert.notEqual(first?.notificationId, second?.notificationId);
    const { goodsUntil } = await service.stored(handle);
    assert.equal(first?.goodsUntil, goodsUntil);
    assert.match(first?.text?.subject ?? '', /^We are waiting for the goods/);
    await service.record(handle, 'return-reminded');
  });

  it('reminds of goods that never come until it expires', async () => {
    const order = await service.delivered();
    const policy = { remindAfterSeconds: [7 * DAY, 30 * DAY, 60 * DAY] };
    const handle = await service.request(order, [mugs(1)], policy);
    await service.untilWaiting(handle, 'goods');
    await advance(handle, 30 * DAY + 1);
    assert.equal((await handle.result()).state, 'expired');
    const told = await toldUntil(handle, ({ state }) => state === 'expired');
    assert.deepEqual(linesOf(told), [
      '2 return-state requested',
      '4 return-state awaiting-goods',
      '5 return-reminder awaiting-goods',
      '7 return-state expired goods-not-received',
    ]);
    await service.record(handle, 'return-reminded-and-expired');
  });

  it('reminds nobody by a policy without reminders', async () => {
    const order = await service.delivered();
    const handle = await service.request(order, [mugs(1)], { remindAfterSeconds: [] });
    await service.untilWaiting(handle, 'goods');
    await advance(handle, 30 * DAY + 1);
    await handle.result();
    const told = await toldUntil(handle, ({ state }) => state === 'expired');
    assert.deepEqual(told.filter(isReminder), []);
  });

  it('reminds in a new run of what the run before it has not', async () => {
    const order = await service.delivered();
    const policy = { remindAfterSeconds: [7 * DAY, 14 * DAY] };
    const before = await service.request(order, [mugs(1)], policy);
    await service.untilWaiting(before, 'goods');
    await advance(before, 8 * DAY);
    const row = await eventually(async () => {
      const now = await before.query(returnQuery);
      return now.reminders === 1 && now;
    });
    await toldUntil(before, isReminder);
    await before.terminate();

    // As if the first run had begun eight days ago by this clock as well.
    const ago = Date.parse(row.goodsUntil ?? '') - 8 * DAY * 1_000;
    const carried = {
      row: { ...row, goodsUntil: new Date(ago).toISOString() },
      inbox: { records: [], pending: [], repeats: 0 },
    };
    const handle = await service.request(order, [mugs(1)], policy, carried);
    await advance(handle, 7 * DAY);
    await eventually(async () => (await handle.query(returnQuery)).reminders === 2);
    await handle.signal(inboxSignal, [goodsReceived(handle)]);
    await service.untilWaiting(handle, 'inspection');
    await decide(handle);
    await handle.result();
    const told = await toldUntil(handle, ({ state }) => state === 'inspecting');
    assert.equal(told.filter(isReminder).length, 2);
    await service.record(handle, 'return-reminded-continued');
  });

  it('reminds nobody once the time is over, even if nobody could be in time', async () => {
    const order = await service.delivered();
    const before = await service.request(order, [mugs(1)]);
    const row = await service.untilWaiting(before, 'goods');
    await before.terminate();
    const carried = {
      row: { ...row, goodsUntil: row.requestedAt },
      inbox: { records: [], pending: [], repeats: 0 },
    };
    const handle = await service.request(order, [mugs(1)], {}, carried);
    assert.equal((await handle.result()).state, 'expired');
    const told = await toldUntil(handle, ({ state }) => state === 'expired');
    assert.deepEqual(told.filter(isReminder), []);
  });

  it('is one of several of an order, each told of and reminded by itself', async () => {
    const order = await service.delivered();
    const one = await service.request(order, [mugs(1)]);
    const other = await service.request(order, [mugs(2), { line: 2, quantity: 1 }]);
    await service.untilWaiting(one, 'goods');
    await service.untilWaiting(other, 'goods');
    await one.signal(inboxSignal, [goodsReceived(one)]);
    await service.untilWaiting(one, 'inspection');
    await advance(other, 8 * DAY);
    await eventually(async () => (await other.query(returnQuery)).reminders === 1);
    await decide(one, mugs(1));
    const first = await one.result();
    await other.signal(inboxSignal, [goodsReceived(other)]);
    await service.untilWaiting(other, 'inspection');
    await decide(other, mugs(2), { line: 2, quantity: 1 });
    const second = await other.result();
    // Which was opened first decides whose pieces have the odd cent.
    assert.equal(first.refunded + second.refunded, 1_000);
    assert.deepEqual(await money(order), [1_000, 1_000]);

    const ofOne = await toldUntil(one, ({ state }) => state === 'refunded');
    const ofOther = await toldUntil(other, ({ state }) => state === 'refunded');
    assert.equal(ofOne.filter(isReminder).length, 0);
    assert.equal(ofOther.filter(isReminder).length, 1);
    assert.deepEqual(ofOne.at(-1)?.sellerIds, ['seller-1']);
    assert.deepEqual(ofOther.at(-1)?.sellerIds, ['seller-1', 'seller-2']);
    for (const { orderId } of [...ofOne, ...ofOther]) assert.equal(orderId, order.orderId);
    const ids = [...ofOne, ...ofOther].map(({ notificationId }) => notificationId);
    assert.equal(new Set(ids).size, ids.length);
  });

  it('takes each piece once, whoever is quicker', async () => {
    const order = await service.delivered();
    const handles = await Promise.all([1, 2, 3].map(() => service.request(order, [mugs(2)])));
    const rows = await Promise.all(
      handles.map((handle) =>
        eventually(async () => {
          const row = await handle.query(returnQuery);
          return row.state !== 'requested' && row;
        }),
      ),
    );
    assert.deepEqual(rows.map(({ state, reason }) => `${state} ${reason}`).toSorted(), [
      'awaiting-goods null',
      'rejected already-returned',
      'rejected already-returned',
    ]);
  });

  it('is rejected where the order does not allow it', async () => {
    const order = await service.delivered();
    const handle = await service.request(order, [mugs(4)]);
    const result = await handle.result();
    assert.deepEqual([result.state, result.refunded], ['rejected', 0]);
    const row = await service.stored(handle);
    assert.deepEqual([row.state, row.reason, row.lines], ['rejected', 'more-than-sold', []]);
    const unknown = { channel: 'web', orderId: uniqueId('order') };
    const nobodys = await service.request(unknown, [mugs(1)]);
    assert.equal((await nobodys.result()).state, 'rejected');
    assert.equal((await service.stored(nobodys)).reason, 'unknown-order');
    await service.record(handle, 'return-rejected');
  });

  it('takes goods that come before it is opened, and come again', async () => {
    const order = await service.delivered();
    const returnId = uniqueId('return');
    const workflowId = returnWorkflowId(returnId);
    const goods = goodsReceived({ workflowId } as ReturnHandle);
    const input: ReturnInput = {
      returnId,
      order,
      request: { lines: [mugs(3)], reason: 'too-small', requestedBy: 'customer:customer-1' },
      policy: DEFAULT_RETURN_POLICY,
    };
    const handle = (await service.client.workflow.signalWithStart(returnWorkflow.workflowType, {
      taskQueue: returnWorkflow.taskQueue,
      workflowId,
      args: [input],
      signal: inboxSignal,
      signalArgs: [[goods]],
    })) as unknown as ReturnHandle;
    await service.untilWaiting(handle, 'inspection');
    const stray = { id: uniqueId('stray'), type: 'OrderPlaced', data: {} };
    await handle.signal(inboxSignal, [goods, goodsReceived(handle), stray]);
    await eventually(async () => (await handle.query(inboxQuery)).records.length === 3);
    assert.equal((await handle.query(inboxQuery)).repeats, 1);
    await decide(handle, mugs(3));
    const { events, refunded } = await handle.result();
    assert.deepEqual(
      events.map(({ type, outcome, reason }) => [type, outcome, reason]),
      [
        ['GoodsReceived', 'applied', undefined],
        ['GoodsReceived', 'duplicate', 'already-received'],
        ['OrderPlaced', 'refused', 'unknown-type'],
      ],
    );
    assert.deepEqual([refunded, await money(order)], [1_000, [1_000, 1_000]]);
    await service.record(handle, 'return-early-goods');
  });

  it('is inspected once, and only when the goods are there', async () => {
    const order = await service.delivered();
    const handle = await service.request(order, [mugs(2)]);
    await service.untilWaiting(handle, 'goods');
    assert.deepEqual(await decide(handle, mugs(2)), {
      accepted: false,
      state: 'awaiting-goods',
      reason: 'not-inspecting',
    });
    await handle.signal(inboxSignal, [goodsReceived(handle)]);
    await service.untilWaiting(handle, 'inspection');
    const refusal = async (...accepted: readonly ReturnedPieces[]) => {
      const answer = await decide(handle, ...accepted);
      return answer.accepted ? null : answer.reason;
    };
    assert.equal(await refusal({ line: 2, quantity: 1 }), 'unknown-line');
    assert.equal(await refusal(mugs(3)), 'more-than-returned');
    assert.equal(await refusal(mugs(0.5)), 'invalid-quantity');

    await spoilPayment(order, 0);
    const answers = await Promise.all([decide(handle, mugs(2)), decide(handle)]);
    const [won] = answers.filter(({ accepted }) => accepted);
    const [lost] = answers.filter(({ accepted }) => !accepted);
    assert.ok(won && lost && !lost.accepted);
    assert.equal(lost.reason, 'already-inspected');
    assert.deepEqual([lost.wonBy?.what, lost.wonBy?.by], ['decide-inspection', 'staff:ana']);
    const { timeline } = await handle.query(returnQuery);
    const last = timeline.findLast(({ name }) => name === 'decide-inspection');
    assert.equal(last?.outcome, 'refused');
    await spoilPayment(order, 1_000);
    await handle.result();
    assert.equal((await service.stored(handle)).reason, null);
  });

  it('asks for an operator when its refund keeps failing, and goes on when resumed', async () => {
    const order = await service.delivered();
    const handle = await inspecting(order, 3, { refundRetrySeconds: 2 });
    await spoilPayment(order, 0);
    await decide(handle, mugs(3));
    const stuck = await service.untilWaiting(handle, 'operator');
    assert.deepEqual([stuck.state, stuck.reason], ['needs-operator', 'refund-failed']);
    const { typedSearchAttributes: found } = await handle.describe();
    assert.equal(found.get(STATE), 'needs-operator');
    assert.deepEqual(await money(order), [1_000, 0]);
    // It is owed: cancelling the workflow does not give it up.
    await handle.cancel();
    const goods = goodsReceived(handle);
    await handle.signal(inboxSignal, [goods]);
    await eventually(async () => (await handle.query(inboxQuery)).records.length === 2);

    await spoilPayment(order, 1_000);
    const answer = await handle.executeUpdate(resumeReturn, { args: [OPERATOR] });
    assert.deepEqual(answer, { accepted: true, state: 'refunding' });
    const result = await handle.result();
    assert.deepEqual([result.state, result.refunded], ['refunded', 1_000]);
    assert.deepEqual(await money(order), [1_000, 1_000]);
    assert.equal((await service.stored(handle)).state, 'refunded');
    assert.equal((await handle.describe()).typedSearchAttributes.get(STATE), 'refunded');
    await service.record(handle, 'return-needs-operator-found');
  });

  it('goes on without the refund when an operator has made it by hand', async () => {
    const order = await service.delivered();
    const handle = await inspecting(order, 3, { refundRetrySeconds: 2 });
    await spoilPayment(order, 0);
    await decide(handle, mugs(3));
    await service.untilWaiting(handle, 'operator');
    await spoilPayment(order, 1_000);
    const reason = 'refunded at the till';
    const answer = await handle.executeUpdate(resolveReturn, { args: [{ ...OPERATOR, reason }] });
    assert.deepEqual(answer, { accepted: true, state: 'refunding' });
    const result = await handle.result();
    assert.deepEqual([result.state, result.refunded], ['refunded', 1_000]);
    assert.deepEqual(await money(order), [1_000, 0]);
    const { timeline } = await service.stored(handle);
    const resolved = timeline.find(({ name }) => name === 'resolve-return');
    assert.deepEqual([resolved?.by, resolved?.reason], [OPERATOR.requestedBy, reason]);
    await service.record(handle, 'return-resolved');
  });

  it('is neither resumed nor resolved while it waits for nobody', async () => {
    const order = await service.delivered();
    const handle = await inspecting(order, 1);
    const refused = { accepted: false, state: 'inspecting', reason: 'not-waiting-for-operator' };
    assert.deepEqual(await handle.executeUpdate(resumeReturn, { args: [OPERATOR] }), refused);
    const args = [{ ...OPERATOR, reason: 'by hand' }] as const;
    assert.deepEqual(await handle.executeUpdate(resolveReturn, { args: [...args] }), refused);
  });

  it('never learns of commands that are none', async () => {
    const order = await service.delivered();
    const handle = await inspecting(order, 1);
    for (const [name, command] of [
      [decideInspection.name, null],
      [decideInspection.name, OPERATOR],
      [decideInspection.name, { ...inspection(), accepted: 'all' }],
      [decideInspection.name, { ...inspection(), accepted: [null] }],
      [decideInspection.name, { ...inspection(), accepted: [{ line: 0, quantity: 1 }] }],
      [decideInspection.name, { ...inspection(), accepted: [{ line: 1, quantity: '1' }] }],
      [resumeReturn.name, {}],
      [resolveReturn.name, OPERATOR],
    ] as const) {
      await assert.rejects(handle.executeUpdate(name, { args: [command] }), (error) => {
        assert.ok(error instanceof WorkflowUpdateFailedError);
        assert.match(String(error.cause), /: expected /);
        return true;
      });
    }
    const { timeline } = await handle.query(returnQuery);
    assert.deepEqual(
      timeline.flatMap(({ kind, name }) => (kind === 'command' ? [name] : [])),
      ['request-return'],
    );
    await decide(handle);
    assert.equal((await handle.result()).state, 'refused');
  });

  it('is given up when its workflow is cancelled before the inspection', async () => {
    const order = await service.delivered();
    const awaiting = await service.request(order, [mugs(1)]);
    await service.untilWaiting(awaiting, 'goods');
    const waiting = await inspecting(order, 2);
    for (const handle of [awaiting, waiting]) {
      await handle.cancel();
      assert.equal((await handle.result()).state, 'expired');
      const row = await service.stored(handle);
      assert.deepEqual([row.state, row.reason], ['expired', 'workflow-cancelled']);
    }
    assert.deepEqual(await money(order), [1_000, 0]);
    await service.untilWaiting(await service.request(order, [mugs(3)]), 'goods');
    await service.record(waiting, 'return-workflow-cancelled');
  });

  it('takes neither goods nor an inspection any more while it is being given up', async () => {
    const order = await service.delivered();
    const handle = await inspecting(order, 3);
    const spoilt = { orderKey: orderWorkflowId(order), entry: 'RETURNS' };
    const kept = await replaceItem(spoilt, { ...spoilt, version: 1 });
    await handle.cancel();
    await eventually(async () => (await handle.query(returnQuery)).waitingFor === null);
    assert.deepEqual(await decide(handle, mugs(3)), {
      accepted: false,
      state: 'inspecting',
      reason: 'not-inspecting',
    });
    await replaceItem(spoilt, kept);
    assert.equal((await handle.result()).state, 'expired');
    assert.deepEqual(await money(order), [1_000, 0]);
  });

  it('goes on in a new run where it was', async () => {
    const order = await service.delivered();
    const before = await inspecting(order, 3, { refundRetrySeconds: 2 });
    const seen = await before.query(inboxQuery);
    await spoilPayment(order, 0);
    await decide(before, mugs(3));
    const row = await service.untilWaiting(before, 'operator');
    await before.terminate();
    await spoilPayment(order, 1_000);

    const carried = { row, inbox: seen };
    const handle = await service.request(order, [mugs(3)], {}, carried);
    assert.deepEqual(await handle.query(returnQuery), row);
    await handle.executeUpdate(resumeReturn, { args: [OPERATOR] });
    const { state, refunded, events } = await handle.result();
    assert.deepEqual([state, refunded, events.length], ['refunded', 1_000, 1]);
    const stored = await service.stored(handle);
    assert.deepEqual([stored.state, stored.requestedAt], ['refunded', row.requestedAt]);
    assert.ok(stored.revision > row.revision);
    await service.record(handle, 'return-continued');
  });

  it('makes no refund in a new run that an operator had made by hand', async () => {
    const order = await service.delivered();
    const before = await inspecting(order, 3, { refundRetrySeconds: 2 });
    const inbox = await before.query(inboxQuery);
    await spoilPayment(order, 0);
    await decide(before, mugs(3));
    const stuck = await service.untilWaiting(before, 'operator');
    await before.terminate();
    await spoilPayment(order, 1_000);
    // Resolved while the run before was leaving.
    const row = { ...stuck, state: 'refunding', waitingFor: null, reason: null } as const;
    const carried = { row, inbox, resolved: true } as const;
    const handle = await service.request(order, [mugs(3)], {}, carried);
    assert.equal((await handle.result()).refunded, 1_000);
    assert.deepEqual(await money(order), [1_000, 0]);
  });

  it('goes on in a new run before its history grows too long', async function () {
    this.timeout(120_000);
    const order = await service.delivered();
    const handle = await service.request(order, [mugs(3)]);
    const waiting = await service.untilWaiting(handle, 'goods');
    const latest = service.client.workflow.getHandle(handle.workflowId) as ReturnHandle;
    const stray = () => ({ id: uniqueId('stray'), type: 'Stray', data: {} });
    const isFirst = async () => (await latest.describe()).runId === handle.firstExecutionRunId;
    // The server ends no run while signals come, so each hundred is let sink in.
    for (let sent = 100; await isFirst(); sent += 100) {
      assert.ok(sent <= 5_000, 'still in its first run');
      await Promise.all(Array.from({ length: 100 }, () => latest.signal(inboxSignal, [stray()])));
      const known = waiting.revision + sent;
      // By the row that is stored: a query would wait for the worker behind all of them.
      await eventually(
        async () => (await service.stored(handle)).revision >= known || !(await isFirst()),
        { within: 25_000, every: 250 },
      );
    }
    const row = await latest.query(returnQuery);
    assert.deepEqual([row.state, row.goodsUntil], ['awaiting-goods', waiting.goodsUntil]);
    await latest.signal(inboxSignal, [goodsReceived(handle)]);
    await service.untilWaiting(latest, 'inspection');
    await decide(latest, mugs(3));
    assert.equal((await handle.result()).refunded, 1_000);
  });

  /** Puts another item in the place of one of the payments table. @returns the one that was there. */
  async function replaceItem(
    Key: Record<string, string>,
    Item: Record<string, unknown>,
  ): Promise<Record<string, unknown>> {
    const TableName = service.outputs.PaymentsTable;
    const found = await service.table.send(
      new GetCommand({ TableName, Key, ConsistentRead: true }),
    );
    await service.table.send(new PutCommand({ TableName, Item }));
    return found.Item ?? {};
  }

  /** Sets what of an order's payment can be refunded: 0 makes each refund fail. */
  async function spoilPayment(order: OrderKey, refundable: number): Promise<void> {
    await service.table.send(
      new UpdateCommand({
        TableName: service.outputs.PaymentsTable,
        Key: { orderKey: orderWorkflowId(order), entry: 'PAYMENT' },
        UpdateExpression: 'SET refundable = :refundable',
        ExpressionAttributeValues: { ':refundable': refundable },
      }),
    );
  }
});
