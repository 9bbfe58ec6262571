import assert from 'node:assert/strict';
import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import {
  isGrpcServiceError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  type WorkflowHandle,
} from '@temporalio/client';
import proto from '@temporalio/proto';
import { disputeWorkflow, disputeWorkflowId } from '../../src/contracts/disputes.ts';
import { inboxSignal, type InboxEvent } from '../../src/contracts/inbox.ts';
import {
  cancelOrder,
  changePaymentMethod,
  decideReview,
  orderQuery,
  resolveOrder,
  resumeOrder,
  type OrderResult,
  type OrderRow,
} from '../../src/contracts/orders.ts';
import { restockQuery, restockWorkflow, restockWorkflowId } from '../../src/contracts/restock.ts';
import {
  decideInspection,
  resumeReturn,
  returnQuery,
  returnWorkflow,
  returnWorkflowId,
  type ReturnResult,
  type ReturnRow,
} from '../../src/contracts/returns.ts';
import { isEnd, type OrderLine } from '../../src/domain/order.ts';
import { DEFAULT_RESTOCK_POLICY, DEFAULT_RETURN_POLICY } from '../../src/domain/policy.ts';
import { isReturnEnd } from '../../src/domain/return.ts';
import { advance } from './clock.ts';
import { event, order, PARCEL, type OrderHandle, type OrderService } from './orderService.ts';
import type { Action, OrderSequence, ReturnAction } from './orderSequences.ts';
import { CUSTOMER, OPERATOR, VISA } from './orders.ts';
import { eventually, uniqueId } from './servers.ts';

const DAY = 86_400;
const SCHEDULED = proto.temporal.api.enums.v1.PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED;
/** How far a workflow's clock is moved to be past the pause before the next try: at most a minute. */
const PAST_BACKOFF = 61;

/** What came of a sequence. */
export interface Ended {
  readonly sequence: OrderSequence;
  readonly orderKey: string;
  readonly result: OrderResult;
  /** The events that the order took. */
  readonly sent: readonly InboxEvent[];
  readonly returns: readonly { readonly returnKey: string; readonly result: ReturnResult }[];
}

interface Dispute {
  readonly id: string;
  readonly outcome: 'won' | 'lost';
  readonly handle: WorkflowHandle;
  isDecided: boolean;
}

/**
 * Has a sequence happen to an order of its own, and then does whatever the order and its returns still wait for, until
 * they wait for nothing.
 */
export async function runSequence(service: OrderService, sequence: OrderSequence): Promise<Ended> {
  return await new SequenceRun(service, sequence).run();
}

class SequenceRun {
  readonly #service: OrderService;
  readonly #sequence: OrderSequence;
  readonly #placed: ReturnType<typeof order>;
  readonly #orderKey: string;
  /** Of the second line: this order's alone. */
  readonly #sku = uniqueId('sku');
  readonly #sent: InboxEvent[] = [];
  readonly #disputes: Dispute[] = [];
  readonly #returns: Promise<Ended['returns'][number]>[] = [];
  /** Who has to be alone waits for this. */
  #alone: Promise<unknown> = Promise.resolve();

  constructor(service: OrderService, sequence: OrderSequence) {
    const { paymentMethod, customerId, backOrder, sellers } = sequence.order;
    this.#service = service;
    this.#sequence = sequence;
    this.#placed = order({
      paymentMethod,
      customerId,
      backOrder,
      lines: linesOf(sellers, this.#sku),
    });
    this.#orderKey = `order:web:${this.#placed.orderId}`;
  }

  async run(): Promise<Ended> {
    const { policy, faults, actions, afterwards } = this.#sequence;
    await this.#addPieces();
    for (const fault of faults) await this.#act(null, fault, 1);
    const handle = await this.#service.place(this.#placed, policy);
    await this.#happen(handle, actions);
    await this.#bringToItsEnd(handle);
    const result = await handle.result();
    for (const { action, times } of afterwards) {
      await this.#act(handle, action, times).catch(ignoreEnded);
    }
    const returns = await Promise.all(this.#returns);
    await this.#decideDisputes(1);
    for (const { handle: dispute } of this.#disputes) await dispute.result();
    await this.#endRestocking();
    const { sequence, orderKey } = { sequence: this.#sequence, orderKey: this.#orderKey };
    return { sequence, orderKey, result, sent: this.#sent, returns };
  }

  /** Does each as soon as the order has come there, at the same time as those before, if they take longer. */
  async #happen(handle: OrderHandle, actions: OrderSequence['actions']): Promise<void> {
    let waiting = actions;
    const begun: Promise<void>[] = [];
    await eventually(
      async () => {
        const row = await handle.query(orderQuery);
        const isDue = ({ at }: (typeof actions)[number]) => hasCome(row, at);
        const due = waiting.filter(isDue);
        waiting = waiting.filter((each) => !due.includes(each));
        begun.push(
          ...due.map(({ action, times }) => this.#act(handle, action, times).catch(ignoreEnded)),
        );
        return waiting.length === 0;
      },
      { within: 60_000 },
    );
    await Promise.all(begun);
  }

  async #act(handle: OrderHandle | null, action: Action, times: number): Promise<void> {
    const { provider } = this.#service;
    const orderKey = this.#orderKey;
    switch (action.does) {
      case 'provider-fails': {
        const { does: _, ...fault } = action;
        await provider.ask('faults', { ...fault, orderKey });
        return;
      }
      case 'partner-fails':
        return await provider.failPartner(action.who, action.how, action.times);
      case 'screening-fails':
        return provider.failOnce({
          on: /^POST \/screening/,
          answer: { status: 500, error: { message: 'planned' } },
        });
      case 'provider-forgets-keys':
        await provider.ask('keys/forget', { orderKey });
        return;
      default:
        assert.ok(handle, `${action.does} of an order that is not placed`);
        return await this.#actOnOrder(handle, action, times);
    }
  }

  async #actOnOrder(handle: OrderHandle, action: Action, times: number): Promise<void> {
    const { provider } = this.#service;
    const send = async (type: string, data: object) => {
      const one = event(handle, type, data);
      for (let time = 0; time < times; time += 1) await this.#service.send(handle, one);
      // Noted once it was taken: an order that has ended takes none.
      this.#sent.push(one);
    };
    switch (action.does) {
      case 'cancel': {
        const request = { ...CUSTOMER, ...(action.lines && { lines: action.lines }) };
        await handle.executeUpdate(cancelOrder, { args: [request] });
        return;
      }
      case 'cancel-by-event':
        return await send('OrderCancelled', { reason: 'event', requestedBy: 'customer' });
      case 'cancel-workflow':
        await handle.cancel();
        return;
      case 'change-method': {
        const { way, method: paymentMethod } = action;
        if (way === 'event') return await send('PaymentMethodUpdated', { paymentMethod });
        await handle.executeUpdate(changePaymentMethod, { args: [{ ...VISA, paymentMethod }] });
        return;
      }
      case 'payment-news': {
        const { payment, total } = await handle.query(orderQuery);
        const paymentIntentId = action.isOurs ? (payment.intentId ?? 'pi_none') : 'pi_other';
        return await send(action.news, { paymentIntentId, declineCode: 'late', ...total });
      }
      case 'authenticate': {
        const intentId = this.#intentThatIs('requires_action');
        if (intentId === undefined) return;
        const { outcome, isTold } = action;
        await this.#service.provider
          .ask('authentications', { intentId, outcome })
          .catch(ignoreUnfit);
        if (isTold) await this.#tellAuthenticated(send, intentId, outcome === 'succeeded');
        return;
      }
      case 'expire-authorisation': {
        const intentId = this.#intentThatIs('requires_capture');
        if (intentId === undefined) return;
        await this.#service.provider.ask('expirations', { intentId }).catch(ignoreUnfit);
        return;
      }
      case 'dispute':
        return await this.#byItself(() => this.#dispute(action, times));
      case 'decide-disputes':
        return await this.#decideDisputes(times);
      case 'parcel-news':
        return await send(action.news, { ...PARCEL, shipmentId: action.shipmentId });
      case 'collect':
        await provider.collect(`${this.#orderKey}:${action.shipmentId}`);
        return;
      case 'review':
        return await this.#review(handle, action.decision);
      case 'restock':
        return await this.#restock(action.quantity);
      case 'pass-time':
        return await this.#pass(handle, action.seconds);
      case 'return':
        for (let time = 0; time < times; time += 1) this.#returns.push(this.#return(action));
        return;
      case 'provider-fails':
      case 'partner-fails':
      case 'screening-fails':
      case 'provider-forgets-keys':
        return assert.fail('done without an order');
    }
  }

  async #bringToItsEnd(handle: OrderHandle): Promise<void> {
    await helpAlong({
      look: () => handle.query(orderQuery),
      isOver: ({ state }) => isEnd(state),
      help: (row) => this.#helpOrder(handle, row),
      skipBackoff: () => this.#skipBackoff(handle),
    });
  }

  async #helpOrder(handle: OrderHandle, row: OrderRow): Promise<void> {
    const send = async (type: string, data: object) => {
      await this.#service.send(handle, event(handle, type, data));
    };
    const tellOf = async (type: string, statuses: readonly string[]) => {
      for (const { shipmentId, status } of row.shipments) {
        if (statuses.includes(status)) await send(type, { ...PARCEL, shipmentId });
      }
    };
    switch (row.waitingFor) {
      case 'review':
        return await this.#review(handle, 'approve');
      case 'payment-method':
        await handle.executeUpdate(changePaymentMethod, { args: [VISA] });
        return;
      case 'authentication': {
        const intentId = this.#intentThatIs('requires_action');
        if (intentId !== undefined) {
          const request = { intentId, outcome: 'succeeded' };
          await this.#service.provider.ask('authentications', request).catch(ignoreUnfit);
        }
        // Where the customer has acted and nobody told, somebody does by now.
        return await this.#tellAuthenticated(send, row.payment.intentId ?? '', true);
      }
      case 'stock':
        return await this.#restock(3);
      case 'dispatch':
      case 'delivery':
      case 'parcel':
        await tellOf('ShipmentReturned', ['recalled']);
        return await tellOf('ShipmentDelivered', ['booked', 'dispatched']);
      case 'operator':
        return await this.#operate(handle, row);
      case null:
        return assert.fail('nothing is waited for');
    }
  }

  /** An operator mends what failed, and has it tried again; or gives up what does not come. */
  async #operate(handle: OrderHandle, { shipments, reason }: OrderRow): Promise<void> {
    await this.#decideDisputes(1);
    const isMissing =
      ['parcel-not-back', 'cancel-shipments-failed'].includes(reason ?? '') &&
      shipments.every(({ status }) => status !== 'planned' && status !== 'booked');
    if (isMissing && this.#sequence.operator === 'writes-off') {
      const resolution = { ...OPERATOR, reason: 'written off' };
      await handle.executeUpdate(resolveOrder, { args: [resolution] });
    } else {
      await handle.executeUpdate(resumeOrder, { args: [OPERATOR] });
    }
  }

  async #review(handle: OrderHandle, decision: 'approve' | 'reject'): Promise<void> {
    const request = { ...OPERATOR, decision, reason: 'known' };
    await handle.executeUpdate(decideReview, { args: [request] });
  }

  async #tellAuthenticated(
    send: (type: string, data: object) => Promise<void>,
    paymentIntentId: string,
    isAuthorised: boolean,
  ): Promise<void> {
    const money = { amount: TOTAL, currency: 'USD' };
    if (isAuthorised) await send('PaymentAuthorised', { paymentIntentId, ...money });
    else await send('PaymentFailed', { paymentIntentId, declineCode: 'authentication_required' });
  }

  #intentThatIs(status: string): string | undefined {
    const intents = [...this.#service.provider.ledger.intents.values()];
    const isIt = ({ metadata, status: its }: (typeof intents)[number]) =>
      metadata['orderKey'] === this.#orderKey && its === status;
    return intents.find(isIt)?.id;
  }

  // The bank.

  async #dispute(
    { part, outcome }: Extract<Action, { does: 'dispute' }>,
    times: number,
  ): Promise<void> {
    const { client, provider } = this.#service;
    const intent = provider.ledger.intents.get(this.#intentThatIs('succeeded') ?? '');
    if (!intent) return;
    const most = intent.amount_received;
    const asked = { intentId: intent.id, amount: part === 'whole' ? most : Math.ceil(most / 2) };
    const opened = await provider.ask('disputes', asked).catch(ignoreUnfit);
    if (!opened) return;
    const { id: disputeId } = opened as { readonly id: string };
    const { channel, orderId } = this.#placed;
    const input = {
      disputeId,
      order: { channel, orderId },
      paymentIntentId: intent.id,
      money: { amount: asked.amount, currency: 'USD' as const },
      reason: 'fraudulent',
    };
    for (let time = 0; time < times; time += 1) {
      const start = client.workflow.start(disputeWorkflow.workflowType, {
        taskQueue: disputeWorkflow.taskQueue,
        workflowId: disputeWorkflowId(disputeId),
        workflowIdReusePolicy: 'REJECT_DUPLICATE',
        args: [input],
      });
      await start.catch((error: unknown) => {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      });
    }
    const handle = client.workflow.getHandle(disputeWorkflowId(disputeId));
    this.#disputes.push({ id: disputeId, outcome, handle, isDecided: false });
  }

  async #decideDisputes(times: number): Promise<void> {
    for (const dispute of this.#disputes) {
      if (dispute.isDecided) continue;
      dispute.isDecided = true;
      const { id: disputeId, outcome, handle } = dispute;
      await this.#service.provider.ask(`disputes/${disputeId}/close`, { status: outcome });
      const data = { version: 1, disputeId, outcome };
      const closed = { id: uniqueId('closed'), type: 'ChargebackClosed', data };
      for (let time = 0; time < times; time += 1) await handle.signal(inboxSignal, [closed]);
    }
  }

  // The supplier.

  async #addPieces(): Promise<void> {
    const { available } = this.#sequence.order;
    await this.#service.table.send(
      new UpdateCommand({
        TableName: this.#service.outputs.StockTable,
        Key: { key: `SKU#${this.#sku}` },
        UpdateExpression: 'SET available = :all, initial = :all',
        ExpressionAttributeValues: { ':all': available },
      }),
    );
  }

  /** Tells the SKU's restocking that it is low, and that pieces came. */
  async #restock(quantity: number): Promise<void> {
    const restock = await this.#tellRestocking('StockLow', {});
    const { expected } = await restock.query(restockQuery);
    // What was never ordered may come too.
    const supplierOrderId = expected?.supplierOrderId ?? 'SO-unknown';
    await this.#tellRestocking('StockReceived', { supplierOrderId, quantity });
  }

  async #tellRestocking(type: string, data: object) {
    const sku = this.#sku;
    return await this.#service.client.workflow.signalWithStart(restockWorkflow.workflowType, {
      taskQueue: restockWorkflow.taskQueue,
      workflowId: restockWorkflowId(sku),
      args: [{ sku, policy: DEFAULT_RESTOCK_POLICY }],
      signal: inboxSignal,
      signalArgs: [[{ id: uniqueId(type), type, data: { version: 1, sku, ...data } }]],
    });
  }

  /** It runs for ever: once it has taken what came. */
  async #endRestocking(): Promise<void> {
    const restock = this.#service.client.workflow.getHandle(restockWorkflowId(this.#sku));
    try {
      await eventually(async () => {
        const { state } = await restock.query(restockQuery);
        return !['serving', 'ordering'].includes(state);
      });
      await restock.terminate();
    } catch (error) {
      ignoreEnded(error instanceof Error ? (error.cause ?? error) : error);
    }
  }

  // The customer's returns.

  async #return(plan: ReturnAction): Promise<Ended['returns'][number]> {
    const { channel, orderId } = this.#placed;
    const returnId = uniqueId('return');
    const handle = await this.#service.client.workflow.start(returnWorkflow.workflowType, {
      taskQueue: returnWorkflow.taskQueue,
      workflowId: returnWorkflowId(returnId),
      args: [
        {
          returnId,
          order: { channel, orderId },
          request: { lines: plan.lines, reason: 'too-small', requestedBy: 'customer:c-1' },
          policy: { ...DEFAULT_RETURN_POLICY, refundRetrySeconds: 2 },
        },
      ],
    });
    await helpAlong({
      look: () => handle.query(returnQuery),
      isOver: ({ state }) => isReturnEnd(state),
      help: (row) => this.#helpReturn(handle, row, plan),
      skipBackoff: () => this.#skipBackoff(handle),
    });
    const result = (await handle.result()) as ReturnResult;
    return { returnKey: returnWorkflowId(returnId), result };
  }

  async #helpReturn(
    handle: WorkflowHandle,
    { waitingFor, returnId, lines }: ReturnRow,
    { goods, accepted }: ReturnAction,
  ): Promise<void> {
    switch (waitingFor) {
      case 'goods': {
        if (goods === 'never-come') return await this.#pass(handle, 31 * DAY);
        const data = { version: 1, returnId };
        await handle.signal(inboxSignal, [{ id: uniqueId('goods'), type: 'GoodsReceived', data }]);
        return;
      }
      case 'inspection': {
        const some = lines.map(({ line, quantity }) => ({
          line,
          quantity: accepted === 'all' ? quantity : Math.floor(quantity / 2),
        }));
        const request = { ...OPERATOR, reason: 'seen', accepted: accepted === 'none' ? [] : some };
        await handle.executeUpdate(decideInspection, { args: [request] });
        return;
      }
      case 'operator':
        await this.#decideDisputes(1);
        await handle.executeUpdate(resumeReturn, { args: [OPERATOR] });
        return;
      case null:
        return assert.fail('nothing is waited for');
    }
  }

  // Time, and those we deal with.

  /** Where an activity only waits for its next try, it need not. */
  async #skipBackoff(handle: WorkflowHandle): Promise<void> {
    const { raw } = await handle.describe();
    const isBackingOff = (raw.pendingActivities ?? []).some(
      ({ attempt, state }) => (attempt ?? 1) > 1 && state === SCHEDULED,
    );
    if (isBackingOff) await this.#pass(handle, PAST_BACKOFF);
  }

  async #pass(handle: WorkflowHandle, seconds: number): Promise<void> {
    await this.#byItself(() => advance(handle, seconds));
  }

  /** One after the other: a second move of the same clock would take the place of the first. */
  async #byItself(work: () => Promise<void>): Promise<void> {
    const done = this.#alone.then(work);
    this.#alone = done.catch(() => undefined);
    await done;
  }
}

interface Standing {
  readonly revision: number;
  readonly waitingFor: string | null;
}

/**
 * Does what a workflow's subject waits for, once for each time that it says so, until it is over.
 *
 * @throws Error with how it stands, where nothing helps.
 */
async function helpAlong<Row extends Standing>({
  look,
  isOver,
  help,
  skipBackoff,
}: {
  readonly look: () => Promise<Row>;
  readonly isOver: (row: Row) => boolean;
  readonly help: (row: Row) => Promise<void>;
  readonly skipBackoff: () => Promise<void>;
}): Promise<void> {
  let helped = 0;
  let row: Row | undefined;
  const isThere = async () => {
    row = await look();
    if (isOver(row)) return true;
    if (row.waitingFor === null) await skipBackoff().catch(ignoreEnded);
    else if (row.revision > helped) {
      helped = row.revision;
      await help(row).catch(ignoreEnded);
    }
    return false;
  };
  await eventually(isThere, { within: 60_000, every: 50 }).catch((error: unknown) => {
    throw new Error(`${String(error)}\nstill ${JSON.stringify(row, null, 1)}`);
  });
}

const TOTAL = 8_500;

function linesOf(sellers: readonly string[], sku: string): OrderLine[] {
  const lines: Omit<OrderLine, 'sellerId'>[] = [
    { sku: 'record', quantity: 1, amount: 2_999 },
    { sku, quantity: 3, amount: 500 },
    { sku: 'record', quantity: 2, amount: 5_001 },
  ];
  return lines.map((line, index) => ({ ...line, sellerId: sellers[index] ?? 'anna' }));
}

/** It has been there, or will not come any further by itself. */
function hasCome({ timeline, state, waitingFor }: OrderRow, at: string): boolean {
  return waitingFor !== null || isEnd(state) || timeline.some(({ name }) => name === at);
}

/** What is done to a workflow that has ended meanwhile changes nothing. */
function ignoreEnded(error: unknown): void {
  // The second is what moving its clock is answered.
  const isGone =
    error instanceof WorkflowNotFoundError ||
    (isGrpcServiceError(error) && /already completed/.test(error.message));
  if (!isGone) throw error;
}

/** What the sandbox was asked for cannot happen any more. */
function ignoreUnfit(error: unknown): void {
  if (!/: expected /.test(String(error))) throw error;
}
