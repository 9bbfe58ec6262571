import assert from 'node:assert/strict';
import type { WorkflowHandle } from '@temporalio/client';
import { inboxSignal, type InboxEvent } from '../../src/contracts/inbox.ts';
import {
  cancelOrder,
  changePaymentMethod,
  decideReview,
  orderQuery,
  orderWorkflowId,
  resolveOrder,
  resumeOrder,
  type OrderResult,
  type OrderRow,
} from '../../src/contracts/orders.ts';
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
import { DEFAULT_RETURN_POLICY } from '../../src/domain/policy.ts';
import { isReturnEnd } from '../../src/domain/return.ts';
import { advance } from './clock.ts';
import { disputesOf, ignoreUnfit, type OrderDisputes } from './disputes.ts';
import { helpAlong, ignoreEnded, skipBackoff } from './helpAlong.ts';
import { event, order, PARCEL, type OrderHandle, type OrderService } from './orderService.ts';
import type { Action, OrderSequence, ReturnAction } from './orderSequences.ts';
import { CUSTOMER, OPERATOR, VISA } from './orders.ts';
import { eventually, uniqueId } from './servers.ts';
import { supplyOf, type SkuSupply } from './supply.ts';

const DAY = 86_400;

/** What came of a sequence. */
export interface Ended {
  readonly sequence: OrderSequence;
  readonly orderKey: string;
  readonly result: OrderResult;
  /** The events that the order took. */
  readonly sent: readonly InboxEvent[];
  readonly returns: readonly { readonly returnKey: string; readonly result: ReturnResult }[];
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
  readonly #sent: InboxEvent[] = [];
  readonly #disputes: OrderDisputes;
  readonly #supply: SkuSupply;
  readonly #returns: Promise<Ended['returns'][number]>[] = [];
  /** Who has to be alone waits for this. */
  #alone: Promise<unknown> = Promise.resolve();

  constructor(service: OrderService, sequence: OrderSequence) {
    const { paymentMethod, customerId, backOrder, sellers } = sequence.order;
    // Of the second line: this order's alone.
    const sku = uniqueId('sku');
    this.#service = service;
    this.#sequence = sequence;
    this.#placed = order({ paymentMethod, customerId, backOrder, lines: linesOf(sellers, sku) });
    this.#orderKey = orderWorkflowId(this.#placed);
    this.#disputes = disputesOf(service, this.#placed);
    this.#supply = supplyOf(service, sku);
  }

  async run(): Promise<Ended> {
    const { policy, faults, actions, afterwards } = this.#sequence;
    await this.#supply.add(this.#sequence.order.available);
    for (const fault of faults) await this.#act(null, fault, 1);
    const handle = await this.#service.place(this.#placed, policy);
    await this.#happen(handle, actions);
    await this.#bringToItsEnd(handle);
    const result = await handle.result();
    for (const { action, times } of afterwards) {
      await this.#act(handle, action, times).catch(ignoreEnded);
    }
    const returns = await Promise.all(this.#returns);
    await this.#disputes.decide();
    await this.#disputes.ended();
    await this.#supply.end();
    return {
      sequence: this.#sequence,
      orderKey: this.#orderKey,
      result,
      sent: this.#sent,
      returns,
    };
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
          ...due.map(({ action, times }) =>
            awaitedLater(this.#act(handle, action, times).catch(ignoreEnded)),
          ),
        );
        if (waiting.length === 0) return true;
        await skipBackoff(handle, (seconds) => this.#pass(handle, seconds));
        return false;
      },
      { within: 60_000, every: 50 },
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
        await provider.ask('authentications', { intentId, outcome }).catch(ignoreUnfit);
        if (isTold) await this.#tellAuthenticated(send, intentId, outcome === 'succeeded');
        return;
      }
      case 'expire-authorisation': {
        const intentId = this.#intentThatIs('requires_capture');
        if (intentId === undefined) return;
        await provider.ask('expirations', { intentId }).catch(ignoreUnfit);
        return;
      }
      case 'dispute':
        return await this.#byItself(() => this.#disputes.open(action, times));
      case 'decide-disputes':
        return await this.#disputes.decide(times);
      case 'parcel-news':
        return await send(action.news, { ...PARCEL, shipmentId: action.shipmentId });
      case 'collect':
        await provider.collect(`${this.#orderKey}:${action.shipmentId}`);
        return;
      case 'review':
        return await this.#review(handle, action.decision);
      case 'restock':
        return await this.#supply.deliver(action.quantity);
      case 'pass-time':
        return await this.#pass(handle, action.seconds);
      case 'return':
        for (let time = 0; time < times; time += 1) {
          this.#returns.push(awaitedLater(this.#return(action)));
        }
        return;
      case 'provider-fails':
      case 'partner-fails':
      case 'screening-fails':
      case 'provider-forgets-keys':
        return assert.fail('done without an order');
    }
  }

  async #bringToItsEnd(handle: OrderHandle): Promise<void> {
    await helpAlong(handle, {
      look: () => handle.query(orderQuery),
      isOver: ({ state }) => isEnd(state),
      help: (row) => this.#helpOrder(handle, row),
      pass: (seconds) => this.#pass(handle, seconds),
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
        return await this.#supply.deliver(3);
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
    await this.#disputes.decide();
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
    await helpAlong(handle, {
      look: () => handle.query(returnQuery),
      isOver: ({ state }) => isReturnEnd(state),
      help: (row) => this.#helpReturn(handle, row, plan),
      pass: (seconds) => this.#pass(handle, seconds),
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
        await this.#disputes.decide();
        await handle.executeUpdate(resumeReturn, { args: [OPERATOR] });
        return;
      case null:
        return assert.fail('nothing is waited for');
    }
  }

  async #pass(handle: WorkflowHandle, seconds: number): Promise<void> {
    await this.#byItself(async () => {
      try {
        await advance(handle, seconds);
      } catch (error) {
        // There is no clock to move of one that has ended, and none is moved to its end that ends meanwhile.
        if ((await handle.describe()).status.name === 'RUNNING') throw error;
      }
    });
  }

  /** One after the other: a second move of the same clock would take the place of the first. */
  async #byItself(work: () => Promise<void>): Promise<void> {
    const done = this.#alone.then(work);
    this.#alone = done.catch(() => undefined);
    await done;
  }
}

/** Should it fail before it is awaited, that is when it is told. */
function awaitedLater<Answer>(work: Promise<Answer>): Promise<Answer> {
  work.catch(() => undefined);
  return work;
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
