import assert from 'node:assert/strict';
import type { WorkflowHandle } from '@temporalio/client';
import { orderRoutes } from '../../src/bridges/orderRoutes.ts';
import {
  disputeQuery,
  disputeWorkflow,
  disputeWorkflowId,
  type DisputeInput,
  type DisputeResult,
  type DisputeState,
} from '../../src/contracts/disputes.ts';
import { SOURCES } from '../../src/contracts/events.ts';
import { inboxQuery, inboxSignal, type InboxEvent } from '../../src/contracts/inbox.ts';
import {
  DEFAULT_POLICY,
  DEFAULT_RESTOCK_POLICY,
  DEFAULT_RETURN_POLICY,
} from '../../src/domain/policy.ts';
import { startBridgeStage, type BridgeStage } from '../support/bridge.ts';
import { recordHistory } from '../support/history.ts';
import { startOperationsService, type OperationsService } from '../support/operationsService.ts';
import { eventually, temporalAddress, uniqueId } from '../support/servers.ts';

type DisputeHandle = WorkflowHandle<(input: DisputeInput) => Promise<DisputeResult>>;

const ORDER = { channel: 'web', orderId: 'order-1' };

/** A workflow task that the server gave to a worker which was just stopped is given again after 10 s. */
const PATIENT = { within: 25_000 };

describe('the dispute workflow', function () {
  this.timeout(180_000);
  let service: OperationsService;

  before(async () => {
    service = await startOperationsService();
  });
  after(() => service.stop());
  afterEach(() => service.setPayments(true));

  /** A dispute of 29.99, and what it is asked with. */
  function dispute(): DisputeInput {
    return {
      disputeId: uniqueId('dp'),
      order: ORDER,
      paymentIntentId: 'pi_1',
      money: { amount: 2_999, currency: 'USD' },
      reason: 'fraudulent',
    };
  }

  async function start(input: DisputeInput): Promise<DisputeHandle> {
    const { workflowType, taskQueue } = disputeWorkflow;
    return await service.client.workflow.start(workflowType, {
      taskQueue,
      workflowId: disputeWorkflowId(input.disputeId),
      args: [input],
    });
  }

  async function awaitState(handle: DisputeHandle, state: DisputeState): Promise<void> {
    await eventually(async () => (await handle.query(disputeQuery)).state === state, PATIENT);
  }

  /** One that the bank is to decide about. */
  async function undecided(input: DisputeInput): Promise<DisputeHandle> {
    const handle = await start(input);
    await awaitState(handle, 'awaiting-decision');
    return handle;
  }

  function closed({ disputeId, order, paymentIntentId }: DisputeInput, outcome: string) {
    const data = { version: 1, ...order, disputeId, paymentIntentId, outcome };
    return { id: uniqueId('closed'), type: 'ChargebackClosed', data };
  }

  const outcomes = ({ events }: DisputeResult) =>
    events.map(({ outcome, reason }) => [outcome, reason].join(' ').trim());

  it('holds refunds, tells support and security, and takes what is lost out of the payment', async () => {
    const input = dispute();
    const { disputeId } = input;
    const handle = await undecided(input);
    assert.deepEqual(service.asked(disputeId), [`hold order:web:order-1 ${disputeId}`]);
    const [opened] = await service.received('support', `${handle.workflowId}/opened`);
    const facts = {
      type: 'dispute-opened',
      severity: 'critical',
      notificationId: `${handle.workflowId}/opened`,
      ...ORDER,
    };
    const attributes = { ...facts, status: 'opened', audience: '["security"]' };
    assert.deepEqual(opened?.attributes, attributes);
    assert.deepEqual(opened.body, {
      disputeId,
      paymentIntentId: 'pi_1',
      money: { amount: 2_999, currency: 'USD' },
      state: 'opened',
      reason: 'fraudulent',
      ...facts,
    });

    await handle.signal(inboxSignal, [closed(input, 'lost')]);
    const result = await handle.result();
    assert.deepEqual([result.state, outcomes(result)], ['lost', ['applied']]);
    assert.deepEqual(service.asked(disputeId), [
      `hold order:web:order-1 ${disputeId}`,
      `close order:web:order-1 ${disputeId} 2999`,
    ]);
    const [ended] = await service.received('support', `${handle.workflowId}/closed`);
    assert.deepEqual(
      [ended?.attributes['type'], ended?.attributes['severity'], ended?.attributes['status']],
      ['dispute-closed', 'warning', 'lost'],
    );
    await recordHistory(handle, 'dispute-lost');
  });

  it('lets refunds go on where it is won, with nothing lost', async () => {
    const input = dispute();
    const handle = await undecided(input);
    await handle.signal(inboxSignal, [closed(input, 'won')]);
    assert.equal((await handle.result()).state, 'won');
    assert.deepEqual(service.asked(input.disputeId).slice(1), [
      `close order:web:order-1 ${input.disputeId} 0`,
    ]);
    const [ended] = await service.received('notifications', `${handle.workflowId}/closed`);
    assert.equal(ended?.attributes['status'], 'won');
    await recordHistory(handle, 'dispute-won');
  });

  it('is decided once, whatever is said after that', async () => {
    const input = dispute();
    const handle = await undecided(input);
    const said = ['won', 'won', 'lost'].map((outcome) => closed(input, outcome));
    await handle.signal(inboxSignal, [...said, ...said.slice(0, 1)]);
    const result = await handle.result();
    assert.equal(result.state, 'won');
    assert.deepEqual(outcomes(result), [
      'applied',
      'duplicate already-closed',
      'refused already-closed',
    ]);
    assert.equal(service.asked(input.disputeId).length, 2);
    await recordHistory(handle, 'dispute-decided-once');
  });

  it('tells of it though the payments are down, and takes no decision before refunds are held', async () => {
    service.setPayments(false);
    const input = dispute();
    const handle = await start(input);
    await handle.signal(inboxSignal, [closed(input, 'lost')]);
    await service.received('support', `${handle.workflowId}/opened`);
    assert.equal((await handle.query(disputeQuery)).state, 'opened');
    assert.equal((await handle.query(inboxQuery)).pending.length, 1);
    service.setPayments(true);
    assert.equal((await handle.result()).state, 'lost');
    assert.deepEqual(
      service.asked(input.disputeId).map((call) => call.split(' ')[0]),
      ['hold', 'close'],
    );
    await recordHistory(handle, 'dispute-decided-early');
  });

  it('decides by nothing but a decision', async () => {
    const input = dispute();
    const handle = await undecided(input);
    const strays: InboxEvent[] = [
      { id: 'stray-1', type: 'ShipmentLost', data: {} },
      closed(input, 'warning_closed'),
      { id: 'stray-2', type: 'ChargebackClosed', data: null },
    ];
    await handle.signal(inboxSignal, strays);
    await eventually(async () => (await handle.query(inboxQuery)).records.length === 3, PATIENT);
    assert.equal((await handle.query(disputeQuery)).state, 'awaiting-decision');
    await handle.signal(inboxSignal, [closed(input, 'won')]);
    const [first, second, third, last] = outcomes(await handle.result());
    assert.deepEqual(
      [first, second, last],
      ['refused unknown-type', 'refused unknown-outcome', 'applied'],
    );
    assert.match(third ?? '', /^refused handler-failed/);
  });

  it('waits for the bank though its workflow is cancelled', async () => {
    const input = dispute();
    const handle = await undecided(input);
    await handle.cancel();
    await eventually(async () => {
      const { events } = await handle.fetchHistory();
      return events?.some((event) => event.workflowExecutionCancelRequestedEventAttributes);
    });
    await awaitState(handle, 'awaiting-decision');
    await handle.signal(inboxSignal, [closed(input, 'lost')]);
    assert.equal((await handle.result()).state, 'lost');
    assert.equal(service.asked(input.disputeId).length, 2);
    await recordHistory(handle, 'dispute-workflow-cancelled');
  });

  it('goes on in a new run where it was (FAULTS 25)', async () => {
    const input = dispute();
    const before = await undecided(input);
    const decision = closed(input, 'lost');
    const stray = { id: 'stray', type: 'Stray', data: {} };
    await before.signal(inboxSignal, [stray]);
    const inbox = await eventually(async () => {
      const content = await before.query(inboxQuery);
      return content.records.length === 1 && content;
    });
    await before.terminate();
    const carried = {
      state: 'awaiting-decision',
      inbox: { ...inbox, pending: [decision] },
    } as const;
    const handle = await start({ ...input, carried });
    await handle.signal(inboxSignal, [stray]);
    const result = await handle.result();
    assert.deepEqual(
      [result.state, outcomes(result)],
      ['lost', ['refused unknown-type', 'applied']],
    );
    assert.deepEqual(
      service.asked(input.disputeId).map((call) => call.split(' ')[0]),
      ['hold', 'close'],
    );
    await recordHistory(handle, 'dispute-continued');
  });

  it('goes on in a new run before its history grows too long (FAULTS 26)', async function () {
    this.timeout(180_000);
    const input = dispute();
    const handle = await undecided(input);
    const latest: DisputeHandle = service.client.workflow.getHandle(handle.workflowId);
    const { runId } = await latest.describe();
    const stray = () => ({ id: uniqueId('stray'), type: 'Stray', data: {} });
    const isFirst = async () => (await latest.describe()).runId === runId;
    // The server ends no run while signals come, so each hundred is let sink in.
    for (let sent = 100; await isFirst(); sent += 100) {
      assert.ok(sent <= 5_000, 'still in its first run');
      await Promise.all(Array.from({ length: 100 }, () => latest.signal(inboxSignal, [stray()])));
      await eventually(async () => !(await latest.describe()).raw.pendingWorkflowTask, PATIENT);
    }
    await awaitState(latest, 'awaiting-decision');
    await latest.signal(inboxSignal, [closed(input, 'won')]);
    assert.equal((await latest.result()).state, 'won');
    assert.deepEqual(
      service.asked(input.disputeId).map((call) => call.split(' ')[0]),
      ['hold', 'close'],
    );
  });

  describe('that the bridge drives', () => {
    let stage: BridgeStage;

    before(async () => {
      stage = await startBridgeStage(temporalAddress());
    });
    after(() => stage.stop());

    const routes = orderRoutes({
      orderPolicy: DEFAULT_POLICY,
      returnPolicy: DEFAULT_RETURN_POLICY,
      restockPolicy: DEFAULT_RESTOCK_POLICY,
      earlySeconds: 30,
    });
    const source = SOURCES.payments;

    function openedEvent({ disputeId, order, paymentIntentId, money, reason }: DisputeInput) {
      const data = { version: 1, ...order, disputeId, paymentIntentId, ...money, reason };
      return { source, type: 'ChargebackOpened', eventId: uniqueId('opened'), data };
    }

    function closedEvent(input: DisputeInput, outcome: string) {
      const { id: eventId, type, data } = closed(input, outcome);
      return { source, type, eventId, data };
    }

    it('takes a decision that comes before the dispute, and one dispute of several tellings (FAULTS 5)', async () => {
      const queue = await stage.createQueue();
      const bridge = stage.startBridge([queue], { routes });
      const input = dispute();
      await stage.send(queue, closedEvent(input, 'lost'));
      await eventually(() => bridge.outcomes().includes('released early'));
      service.setPayments(false);
      await stage.send(queue, openedEvent(input));
      await stage.send(queue, openedEvent(input));
      await stage.untilEmpty(queue, 30_000);
      service.setPayments(true);
      const handle: DisputeHandle = stage.client.workflow.getHandle(
        disputeWorkflowId(input.disputeId),
      );
      const result = await handle.result();
      assert.deepEqual([result.state, outcomes(result)], ['lost', ['applied']]);
      assert.deepEqual(
        service.asked(input.disputeId).map((call) => call.split(' ')[0]),
        ['hold', 'close'],
      );
      assert.equal(bridge.outcomes().filter((outcome) => outcome === 'duplicate').length, 1);
      await bridge.stop();
    });

    it('never learns of an outcome that nobody knows: it is parked (FAULTS 28)', async () => {
      const queue = await stage.createQueue();
      const bridge = stage.startBridge([queue], { routes });
      await stage.send(queue, closedEvent(dispute(), 'warning_closed'));
      const [parked] = await stage.parked(queue, 1);
      assert.equal(parked?.note?.['code'], 'malformed');
      assert.match(String(parked?.note?.['reason']), /outcome/);
      await bridge.stop();
    });
  });
});
