import assert from 'node:assert/strict';
import { userInfo } from 'node:os';
import { DeleteCommand, GetCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { orderItem, sellerItems } from '../../src/contracts/orderItems.ts';
import {
  orderQuery,
  orderWorkflowId,
  type OrderKey,
  type OrderRow,
} from '../../src/contracts/orders.ts';
import type { OrderSummary } from '../../src/contracts/indexes.ts';
import type { Reprojected } from '../../src/console/reproject.ts';
import { inboxSignal } from '../../src/contracts/inbox.ts';
import { decideInspection } from '../../src/contracts/returns.ts';
import { event, PARCEL, type OrderHandle, type OrderService } from '../support/orderService.ts';
import { orderRow } from '../support/orderRow.ts';
import {
  goodsReceived,
  inspection,
  startReturnService,
  type ReturnService,
} from '../support/returnService.ts';
import { environmentOf, eventually, uniqueId } from '../support/servers.ts';
import { waybill, type Environment, type Ran } from './waybill.ts';

const nameOf = ({ workflowId }: Pick<OrderHandle, 'workflowId'>) =>
  workflowId.replace(/^order:/, '');

describe('waybill orders', function () {
  this.timeout(120_000);
  let service: ReturnService;
  let env: Environment;

  before(async () => {
    service = await startReturnService();
    env = {
      ...environmentOf(service.account),
      WAYBILL_ORDERS_TABLE: service.outputs.OrdersTable,
      WAYBILL_SELLERS_TABLE: service.outputs.SellersTable,
      WAYBILL_RETURNS_TABLE: service.outputs.ReturnsTable,
    };
  });
  after(async () => {
    await service?.stop();
  });

  const orders = (...args: readonly string[]) => waybill(['orders', ...args], env);

  /** Holds a command to have ended with this code, and answers what it printed. */
  function printed({ code, stdout, stderr }: Ran, expected: number): string {
    assert.equal(code, expected, `${stdout}\n${stderr}`);
    return stdout;
  }

  /** Holds a command to have failed with one line of what, and one of what to do. */
  function assertSays({ code, stderr }: Ran, what: RegExp, hint: RegExp): void {
    assert.equal(code, 2, stderr);
    const [, first = '', second = ''] = /^waybill: (.+)\n {2}(.+)\n$/.exec(stderr) ?? [];
    assert.match(first, what, stderr);
    assert.match(second, hint, stderr);
  }

  /** An order that waits for its parcel, with its row as it is stored then. */
  async function paid(change: Parameters<OrderService['place']>[0] = {}) {
    const handle = await service.place(change);
    await service.until(handle, ({ waitingFor }) => waitingFor === 'dispatch');
    return { handle, row: await settled(handle) };
  }

  /** The stored row, once it is as the workflow has it. */
  async function settled(handle: OrderHandle): Promise<OrderRow> {
    return await eventually(async () => {
      const [stored, row] = await Promise.all([read(handle.workflowId), handle.query(orderQuery)]);
      return stored?.['revision'] === row.revision && row;
    });
  }

  async function read(orderKey: string): Promise<Record<string, unknown> | undefined> {
    const get = { TableName: service.outputs.OrdersTable, Key: { orderKey }, ConsistentRead: true };
    return (await service.table.send(new GetCommand(get))).Item;
  }

  async function put(Item: Record<string, unknown>): Promise<void> {
    await service.table.send(new PutCommand({ TableName: service.outputs.OrdersTable, Item }));
  }

  describe('list', () => {
    it('lists by customer, seller and state, newest first', async () => {
      const customerId = uniqueId('customer');
      const line = { sku: 'record', quantity: 1, amount: 2_999, sellerId: uniqueId('seller') };
      const placed: OrderHandle[] = [];
      for (let count = 0; count < 3; count += 1) {
        placed.push((await paid({ customerId, ...(count === 1 && { lines: [line] }) })).handle);
      }
      const json = async (...args: readonly string[]) =>
        (JSON.parse(printed(await orders('list', '--json', ...args), 0)) as OrderSummary[]).map(
          ({ workflowId }) => workflowId,
        );
      const all = placed.map(({ workflowId }) => workflowId).toReversed();
      assert.deepEqual(await json('--customer', customerId), all);
      assert.deepEqual(await json('--customer', customerId, '--status', 'fulfilling'), all);
      assert.deepEqual(await json('--customer', customerId, '--status', 'closed'), []);
      assert.deepEqual(await json('--customer', customerId, '--to', '2020-01-01'), []);
      assert.deepEqual(await json('--seller', line.sellerId), [placed[1]?.workflowId]);
      const table = await orders('list', '--customer', customerId, '--limit', '2');
      const [head = '', ...lines] = printed(table, 0).trim().split('\n');
      assert.match(head, /^ORDER +STATE +TOTAL +CUSTOMER +PLACED$/);
      assert.equal(lines.length, 2);
      assert.match(
        lines[0] ?? '',
        /^web:\S+ +fulfilling, waits for dispatch +29\.99 USD +customer-/,
      );
      assert.match(table.stderr, /only 2 are listed/);
    });

    it('goes on over as many pages as it takes, as far as the limit', async () => {
      const customerId = uniqueId('customer');
      const rows = Array.from({ length: 120 }, (_, minute) =>
        orderRow({ customerId, placedAt: new Date(Date.UTC(2026, 1, 1, 0, minute)).toISOString() }),
      );
      await Promise.all(rows.map((row) => put({ ...orderItem(row) })));
      const list = async (limit: number) => {
        const ran = await orders(
          'list',
          '--customer',
          customerId,
          '--limit',
          String(limit),
          '--json',
        );
        return { ids: JSON.parse(printed(ran, 0)) as OrderSummary[], stderr: ran.stderr };
      };
      const all = rows.map(({ workflowId }) => workflowId).toReversed();
      const [some, whole] = [await list(110), await list(1_000)];
      const keys = (listed: readonly OrderSummary[]) => listed.map(({ workflowId }) => workflowId);
      assert.deepEqual(keys(some.ids), all.slice(0, 110));
      assert.match(some.stderr, /only 110 are listed/);
      assert.deepEqual(keys(whole.ids), all);
      assert.equal(whole.stderr, '');
    });

    it('says that there are none', async () => {
      assert.equal(printed(await orders('list', '--customer', 'nobody'), 0), 'no orders\n');
    });

    it('refuses what is no state, no number and no time', async () => {
      for (const args of ['--status eaten', '--limit 0', '--limit 2.5', '--from soon']) {
        const { code, stderr } = await orders('list', ...args.split(' '));
        assert.equal(code, 2);
        assert.match(stderr, /is invalid/);
      }
    });
  });

  describe('show', () => {
    it("tells what happened in the business's words, and all of it as JSON", async () => {
      const { handle, row } = await paid();
      const text = printed(await orders('show', nameOf(handle)), 0);
      assert.match(text, new RegExp(`^order ${nameOf(handle)}  fulfilling, waits for dispatch\n`));
      assert.match(text, /^ {2}total {6}29\.99 USD$/m);
      assert.match(text, /\+\d+\.\d s {2}order received$/m);
      assert.match(text, /\+\d+\.\d s {2}stock reserved \(took \d+\.\d s\)$/m);
      assert.match(text, /\+\d+\.\d s {2}payment authorised and captured \(took \d+\.\d s\)$/m);
      const json = await orders('show', handle.workflowId, '--json');
      assert.deepEqual(JSON.parse(printed(json, 0)), orderItem(row));
    });

    it('says that there is no such order, and what is no name of one', async () => {
      const absent = await orders('show', 'web:absent');
      assertSays(absent, /^there is no row of order web:absent$/, /orders reproject web:absent/);
      assertSays(await orders('show', 'absent'), /"absent" names no order/, /\{channel\}/);
    });
  });

  describe('cancel', () => {
    it('cancels an order, and is accepted again, also after its end', async () => {
      const { handle } = await paid();
      const cancel = async () => await orders('cancel', nameOf(handle), '--reason', 'called us');
      const first = printed(await cancel(), 0);
      assert.match(first, new RegExp(`^order ${nameOf(handle)}: cancel accepted; it is `));
      await handle.result();
      assert.match(printed(await cancel(), 0), /cancel accepted; it is refunded\n$/);
      const row = (await read(handle.workflowId)) as unknown as OrderRow;
      assert.equal(row.cancellation?.reason, 'called us');
      assert.equal(row.cancellation.requestedBy, `staff:${userInfo().username}`);
      const shown = printed(await orders('show', nameOf(handle)), 0);
      assert.match(shown, /cancel by staff:\S+: accepted$/m);
      assert.match(shown, /payment given back/);
    });

    it('cancels lines alone', async () => {
      const line = { sku: 'record', quantity: 1, amount: 2_999, sellerId: 'seller-1' };
      const { handle } = await paid({ lines: [line, { ...line, sku: 'sleeve', amount: 500 }] });
      const answer = await orders(
        'cancel',
        nameOf(handle),
        '--reason',
        'no longer made',
        '--line',
        '2',
        '--json',
      );
      assert.equal((JSON.parse(printed(answer, 0)) as { accepted: boolean }).accepted, true);
      const row = await service.until(handle, ({ cancelledLines: [one] }) => one?.settled === true);
      assert.deepEqual(
        row.cancelledLines.map(({ line: number }) => number),
        [2],
      );
      assert.equal(row.cancellation, null);
    });

    it('exits 1 with the reason and who was first, where it is refused', async () => {
      const { handle } = await paid();
      const dispatched = event(handle, 'ShipmentDispatched', PARCEL);
      await service.send(handle, dispatched);
      await service.until(handle, ({ state }) => state === 'shipped');
      const cancel = async () => await orders('cancel', nameOf(handle), '--reason', 'late');
      const refused = new RegExp(
        `refused, already-dispatched \\(ShipmentDispatched ${dispatched.id} was first, .*; it is shipped`,
      );
      assert.match(printed(await cancel(), 1), refused);
      await settled(handle);
      const told = new RegExp(
        `cancel by staff:\\S+: refused, already-dispatched \\(ShipmentDispatched ${dispatched.id} was first\\)$`,
        'm',
      );
      assert.match(printed(await orders('show', nameOf(handle)), 0), told);
      await service.send(handle, event(handle, 'ShipmentDelivered', PARCEL));
      await handle.result();
      assert.match(printed(await cancel(), 1), /refused, order-closed.*; it is closed/);
    });

    it('says of the row of an earlier version what to do', async () => {
      const { timeline: _, revision: __, cancelledLines: ___, ...older } = orderRow();
      const Item = { ...older, orderKey: older.workflowId, state: 'closed' };
      await service.table.send(new PutCommand({ TableName: service.outputs.OrdersTable, Item }));
      const name = nameOf(older);
      for (const args of [
        ['show', name],
        ['cancel', name, '--reason', 'late'],
        ['cancel', name, '--reason', 'late', '--line', '1'],
      ]) {
        assertSays(await orders(...args), /is of an earlier version/, /orders reproject/);
      }
    });

    it('says that there is no such order', async () => {
      const absent = await orders('cancel', 'web:absent', '--reason', 'late');
      assertSays(absent, /there is no order web:absent/, /neither Temporal nor/);
    });

    it('wants a reason', async () => {
      const { code, stderr } = await orders('cancel', 'web:1');
      assert.equal(code, 2);
      assert.match(stderr, /--reason/);
      assertSays(await orders('cancel', 'web:1', '--reason', ''), /1 to 500/, /why/);
    });
  });

  describe('resume', () => {
    it('goes on with an order whose compensation failed', async () => {
      const handle = await service.place({}, { compensationRetrySeconds: 1 });
      await service.until(handle, ({ waitingFor }) => waitingFor === 'dispatch');
      /** In a state that it cannot be in, its release fails. */
      const reservation = async (status: string) => {
        const pieces = [{ sku: 'record', quantity: 1 }];
        const Item = { key: `RESERVATION#${handle.workflowId}`, status, pieces };
        await service.table.send(new PutCommand({ TableName: service.outputs.StockTable, Item }));
      };
      await reservation('broken');
      printed(await orders('cancel', nameOf(handle), '--reason', 'called us'), 0);
      await service.until(handle, ({ state }) => state === 'needs-operator');
      await reservation('reserved');
      assert.match(printed(await orders('resume', nameOf(handle)), 0), /: resume accepted; it is /);
      assert.equal((await handle.result()).state, 'refunded');
    });

    it('goes on with a return whose refund failed', async () => {
      const order = await service.delivered();
      const pieces = { line: 1, quantity: 3 };
      const handle = await service.request(order, [pieces], { refundRetrySeconds: 1 });
      await handle.signal(inboxSignal, [goodsReceived(handle)]);
      await service.untilWaiting(handle, 'inspection');
      const refused = printed(await orders('resume', handle.workflowId), 1);
      assert.match(refused, /^return:\S+: resume refused, [a-z-]+; it is inspecting\n$/);
      await refundable(order, 0);
      await handle.executeUpdate(decideInspection, { args: [inspection(pieces)] });
      await service.untilWaiting(handle, 'operator');
      await refundable(order, 1_000);
      const answer = printed(await orders('resume', handle.workflowId, '--json'), 0);
      assert.equal((JSON.parse(answer) as { accepted: boolean }).accepted, true);
      assert.equal((await handle.result()).state, 'refunded');
    });

    /** Sets how much of an order's payment the service believes it may give back. */
    async function refundable(order: OrderKey, amount: number): Promise<void> {
      await service.table.send(
        new UpdateCommand({
          TableName: service.outputs.PaymentsTable,
          Key: { orderKey: orderWorkflowId(order), entry: 'PAYMENT' },
          UpdateExpression: 'SET refundable = :amount',
          ExpressionAttributeValues: { ':amount': amount },
        }),
      );
    }

    it('refuses what does not wait for an operator', async () => {
      const { handle } = await paid();
      const refused = printed(await orders('resume', nameOf(handle)), 1);
      assert.match(refused, /: resume refused, [a-z-]+; it is fulfilling\n$/);
    });

    it('says that there is no such order or return', async () => {
      for (const id of ['web:absent', 'return:absent']) {
        assertSays(await orders('resume', id), new RegExp(`no workflow runs for .*${id}`), /end/);
      }
    });
  });

  describe('resolve', () => {
    it('goes on without what was done by hand, and keeps how', async () => {
      const lines = [{ sku: 'record', quantity: 1, amount: 2_999, sellerId: 'refused-1' }];
      const handle = await service.place({ lines });
      await service.until(handle, ({ waitingFor }) => waitingFor === 'operator');
      const words = 'sent with another carrier';
      const answer = await orders('resolve', nameOf(handle), '--reason', words);
      assert.match(printed(answer, 0), /: resolve accepted; it is /);
      await service.until(handle, ({ waitingFor }) => waitingFor === 'dispatch');
      await service.deliver(handle);
      await handle.result();
      const shown = printed(await orders('show', nameOf(handle)), 0);
      assert.match(shown, new RegExp(`resolve by staff:\\S+: accepted, ${words}$`, 'm'));
    });

    it('refuses what does not wait for an operator, and wants to know how it was done', async () => {
      const handle = await service.place();
      await service.until(handle, ({ waitingFor }) => waitingFor === 'dispatch');
      const refused = await orders('resolve', nameOf(handle), '--reason', 'by hand');
      assert.match(printed(refused, 1), /: resolve refused, not-waiting-for-operator; it is /);
      assertSays(
        await orders('resolve', nameOf(handle), '--reason', ''),
        /1 to 500/,
        /how it was done/,
      );
      await service.deliver(handle);
      await handle.result();
    });
  });

  describe('reproject', () => {
    const reproject = async (code: number, ...args: readonly string[]) =>
      printed(await orders('reproject', '--json', ...args), code)
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Reprojected);

    it('leaves alone what agrees, and rebuilds what is missing, of a closed order too', async () => {
      const [{ handle, row }, { handle: cancelled }] = [await paid(), await paid()];
      await orders('cancel', nameOf(cancelled), '--reason', 'called us');
      await cancelled.result();
      const ids = [nameOf(handle), cancelled.workflowId];
      const outcomes = (some: readonly Reprojected[]) => some.map(({ outcome }) => outcome);
      assert.deepEqual(outcomes(await reproject(0, ...ids)), ['agrees', 'agrees']);

      const [seller] = sellerItems(row);
      const closed = await read(cancelled.workflowId);
      assert.ok(seller && closed);
      const { OrdersTable, SellersTable } = service.outputs;
      for (const { workflowId: orderKey } of [handle, cancelled]) {
        await service.table.send(new DeleteCommand({ TableName: OrdersTable, Key: { orderKey } }));
      }
      const { orderKey: _, ...Key } = seller;
      await service.table.send(new DeleteCommand({ TableName: SellersTable, Key }));

      const dry = await reproject(1, ...ids, '--dry-run');
      assert.deepEqual(outcomes(dry), ['differs', 'differs']);
      assert.deepEqual(dry[0]?.changes, ['row: missing', 'seller seller-1: missing']);
      assert.equal(await read(handle.workflowId), undefined);

      assert.deepEqual(outcomes(await reproject(0, ...ids)), ['rebuilt', 'rebuilt']);
      assert.deepEqual(await read(handle.workflowId), orderItem(row));
      assert.deepEqual(await read(cancelled.workflowId), closed);
      const { Item } = await service.table.send(new GetCommand({ TableName: SellersTable, Key }));
      assert.deepEqual(Item, seller);
      assert.deepEqual(outcomes(await reproject(0, ...ids)), ['agrees', 'agrees']);
    });

    it('repairs a row that is ahead of its workflow, which then goes on writing it', async () => {
      const { handle, row } = await paid();
      await put({
        ...orderItem(row),
        revision: 1_000_000,
        state: 'closed',
        placedOn: '2020-01-01',
      });
      const [done] = await reproject(0, nameOf(handle));
      assert.equal(done?.outcome, 'rebuilt');
      assert.deepEqual(done.changes.toSorted(), [
        `placedOn: 2020-01-01 -> ${row.placedAt.slice(0, 10)}`,
        `revision: 1000000 -> ${row.revision}`,
        'state: closed -> fulfilling',
      ]);
      assert.deepEqual(await read(handle.workflowId), orderItem(row));
      await orders('cancel', nameOf(handle), '--reason', 'called us');
      await handle.result();
      assert.equal((await read(handle.workflowId))?.['state'], 'refunded');
    });

    it('does not touch the row of another start, and says what it cannot rebuild', async () => {
      const { handle, row } = await paid();
      const foreign = { ...orderItem(row), claimedBy: 'another-run', state: 'closed' };
      await put(foreign);
      const [done, absent] = await reproject(1, nameOf(handle), 'web:absent');
      assert.equal(done?.outcome, 'impossible');
      assert.match(done.reason ?? '', /another start/);
      assert.match(absent?.reason ?? '', /no such workflow/);
      assert.deepEqual(await read(handle.workflowId), foreign);
    });

    it('takes those that a query finds, and says what it did', async () => {
      const { handle, row } = await paid();
      await put({ ...orderItem(row), reason: 'tampered' });
      const query = `WorkflowId = '${handle.workflowId}'`;
      await eventually(async () => (await service.client.workflow.count(query)).count === 1);
      const told = printed(await orders('reproject', '--query', query), 0);
      assert.equal(
        told,
        `rebuilt     ${handle.workflowId}: reason: tampered -> null\n0 agrees, 1 rebuilt\n`,
      );
      const nothing = await orders('reproject', '--query', "WorkflowId = 'absent'");
      assertSays(nothing, /no order is found by: WorkflowId = 'absent'/, /namespace retains/);
      const unreadable = await orders('reproject', '--query', 'eat');
      assertSays(unreadable, /^Temporal cannot read the query: /, /a visibility query is such as/);
      assertSays(await orders('reproject'), /which orders/, /IDs, or --query/);
      assertSays(await orders('reproject', 'web:1', '--query', query), /which orders/, /IDs/);
    });
  });
});
