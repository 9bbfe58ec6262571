import { ActivityFailure } from '@temporalio/common';
import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { InboxEvent } from '../contracts/inbox.ts';
import {
  cancelOrder,
  orderQuery,
  orderWorkflowId,
  resumeOrder,
  type CommandAnswer,
  type OrderInput,
  type OrderResult,
  type OrderRow,
  type OrderUndo,
} from '../contracts/orders.ts';
import {
  decideCancellation,
  openOrder,
  totalOf,
  type Cancellation,
  type Order,
  type OrderState,
  type Payment,
  type Waiting,
} from '../domain/order.ts';
import { Announcer } from './announcer.ts';
import { Inbox, type Settled } from './inbox.ts';
import { decideEvent, isDue } from './orderEvents.ts';
import type { Saga } from './saga.ts';

/** How many events of its timeline an order's row shows. */
const TIMELINE = 100;

/** The order goes no further: it was cancelled, or a step said no. What was done has to be undone. */
export class OrderStopped extends Error {
  override readonly name = 'OrderStopped';
  readonly cancellation: Cancellation;

  constructor(cancellation: Cancellation) {
    super(cancellation.reason);
    this.cancellation = cancellation;
  }
}

/**
 * Where an order stands, and the only place where that changes: events and commands are decided here, one at
 * a time, between the workflow's steps and during them; changes of state are announced from here.
 *
 * Make one before the first await of the workflow: it sets the handlers.
 */
export class OrderProgress {
  order: Order;
  readonly orderKey: string;
  readonly #input: OrderInput;
  readonly #saga: Saga<OrderUndo>;
  readonly #inbox: Inbox;
  readonly #announcer: Announcer;
  #version: number;
  #reason: string | null;
  #resumed = false;
  /** Whether it is known whose order this is: before that, nobody is told that it is cancelled. */
  #claimDecided: boolean;

  /** @param saga - its ledger is carried along when the workflow continues as new. */
  constructor(input: OrderInput, saga: Saga<OrderUndo>) {
    const { placed, carried } = input;
    this.#input = input;
    this.#saga = saga;
    this.orderKey = orderWorkflowId(placed);
    this.order =
      carried?.order ??
      openOrder(totalOf(placed.lines, placed.currency), placed.paymentMethod ?? null);
    this.#version = carried?.version ?? 1;
    this.#reason = carried?.reason ?? null;
    this.#claimDecided = carried !== undefined;
    this.#inbox = new Inbox(carried?.inbox);
    this.#announcer = new Announcer(() => this.row());
    setHandler(orderQuery, () => this.row());
    setHandler(cancelOrder, async (request) => {
      if (!this.#claimDecided) await condition(() => this.#claimDecided);
      return this.#cancel(request);
    });
    setHandler(resumeOrder, () => this.#resume());
    // Cancelling the workflow itself is a cancellation like any other: accepted if it still can be.
    CancellationScope.current().cancelRequested.catch(() =>
      this.#cancel({ reason: 'workflow-cancelled', requestedBy: 'temporal' }),
    );
  }

  /** The order's row as it is now. */
  row(): OrderRow {
    const { placed } = this.#input;
    return {
      channel: placed.channel,
      orderId: placed.orderId,
      workflowId: this.orderKey,
      version: this.#version,
      claimedBy: workflowInfo().firstExecutionRunId,
      state: this.order.state,
      waitingFor: this.order.waitingFor,
      reason: this.#reason,
      customerId: placed.customerId,
      total: this.order.total,
      lines: placed.lines,
      payment: this.order.payment,
      shipments: this.order.shipments,
      cancellation: this.order.cancellation,
      timeline: this.#inbox.content().records.slice(-TIMELINE),
    };
  }

  /** Announces the state the order was claimed in. */
  announceClaimed(): void {
    this.#claimDecided = true;
    this.#announcer.announce({ version: this.#version, state: this.order.state, reason: null });
  }

  /** Brings the order into a state, and announces it. */
  become(state: OrderState, why: { reason?: string; waitingFor?: Waiting } = {}): void {
    this.#version += 1;
    this.#reason = why.reason ?? null;
    this.order = { ...this.order, state, waitingFor: why.waitingFor ?? null };
    this.#announcer.announce({ version: this.#version, state, reason: this.#reason });
  }

  /** Nothing is waited for any more: the service itself is at work. Told with the next change of state. */
  goOn(): void {
    this.order = { ...this.order, waitingFor: null };
  }

  /** Notes what is newly known of the payment; it is told with the next change of state. */
  recordPayment(known: Partial<Payment>): void {
    this.order = { ...this.order, payment: { ...this.order.payment, ...known } };
  }

  /**
   * Takes one step, while events and commands go on being decided. A cancellation accepted meanwhile does not
   * wait for the step's answer: what the step may have done is undone by its compensation.
   *
   * @throws OrderStopped when the order was cancelled, or the step failed for good.
   */
  async step<Answer>(take: () => Promise<Answer>): Promise<Answer> {
    this.stopIfCancelled();
    const scope = new CancellationScope();
    let settled = false;
    const answer = scope.run(take).finally(() => {
      settled = true;
    });
    // Its failure is told below, unless the order is cancelled at the same time.
    answer.catch(() => undefined);
    await this.#decideUntil(() => settled || this.order.cancellation !== null);
    if (!settled) {
      scope.cancel();
      await answer.catch(() => undefined);
    }
    this.stopIfCancelled();
    try {
      return await answer;
    } catch (error) {
      // Activities are retried for ever: one that failed all the same never will succeed.
      if (error instanceof ActivityFailure) this.stop(`${error.activityType}-failed`);
      throw error;
    }
  }

  /**
   * Waits for something that events or commands bring about.
   *
   * @param until - when the waiting ends without it, in milliseconds of the workflow's clock; by default never.
   * @returns false when the time ran out first.
   * @throws OrderStopped when the order was cancelled.
   */
  async waitFor(done: () => boolean, until?: number): Promise<boolean> {
    this.stopIfCancelled();
    const came = await this.#decideUntil(
      () => done() || this.order.cancellation !== null || this.#outgrown(),
      until,
    );
    this.stopIfCancelled();
    if (came && !done()) await this.#continueAsNew();
    return came;
  }

  /** @throws OrderStopped when the order was cancelled. */
  stopIfCancelled(): void {
    if (this.order.cancellation) throw new OrderStopped(this.order.cancellation);
  }

  /** Stops the order for a reason of our own, as if it had been cancelled by the service. */
  stop(reason: string): never {
    throw new OrderStopped({ reason, requestedBy: 'waybill' });
  }

  /** Waits until an operator resumes the order, which needs one for this reason. */
  async needOperator(reason: string): Promise<void> {
    this.#resumed = false;
    if (this.order.state !== 'needs-operator' || this.#reason !== reason) {
      this.become('needs-operator', { reason, waitingFor: 'operator' });
    }
    this.order = { ...this.order, waitingFor: 'operator' };
    await this.#decideUntil(() => this.#resumed || this.#outgrown());
    if (!this.#resumed) await this.#continueAsNew();
    this.goOn();
  }

  /** Brings the order to its end: nothing that came is left undecided, and everything has been told. */
  async end(state: OrderState, reason?: string): Promise<OrderResult> {
    this.become(state, reason === undefined ? {} : { reason });
    return await this.#finish();
  }

  /** Ends the workflow of an order that another one carries: nothing is done, and nothing is told. */
  async endAsDuplicate(): Promise<OrderResult> {
    this.order = { ...this.order, state: 'duplicate' };
    this.#claimDecided = true;
    return await this.#finish();
  }

  async #finish(): Promise<OrderResult> {
    await this.#decideUntil(() => this.#announcer.idle && allHandlersFinished());
    return { state: this.order.state, events: this.#inbox.content().records };
  }

  /** Decides what comes, as it comes, until `done`. @returns false when `until` was reached first. */
  async #decideUntil(done: () => boolean, until?: number): Promise<boolean> {
    const due = (event: InboxEvent) => isDue(this.order, event);
    const alarm = new CancellationScope();
    let late = false;
    if (until !== undefined) {
      alarm
        .run(() => sleep(Math.max(1, until - Date.now())))
        .then(
          () => (late = true),
          () => undefined,
        );
    }
    try {
      for (;;) {
        while (this.#inbox.settleNext(due, (event) => this.#apply(event)));
        if (done()) return true;
        if (late) return false;
        await condition(() => done() || late || this.#inbox.has(due));
      }
    } finally {
      alarm.cancel();
    }
  }

  #apply(event: InboxEvent): Settled {
    const decision = decideEvent(this.order, event);
    if (decision.outcome !== 'applied') return decision;
    this.order = decision.order;
    return { outcome: 'applied' };
  }

  #cancel(cancellation: Cancellation): CommandAnswer {
    const decision = decideCancellation(this.order, cancellation);
    if (decision.outcome === 'refused') {
      return { accepted: false, state: this.order.state, reason: decision.reason };
    }
    if (decision.outcome === 'applied') this.order = decision.order;
    return { accepted: true, state: this.order.state };
  }

  #resume(): CommandAnswer {
    if (this.order.waitingFor !== 'operator') {
      return { accepted: false, state: this.order.state, reason: 'not-waiting-for-operator' };
    }
    this.#resumed = true;
    return { accepted: true, state: this.order.state };
  }

  /** Whether the history is long enough that the workflow should go on in a new one. */
  #outgrown(): boolean {
    return workflowInfo().continueAsNewSuggested;
  }

  async #continueAsNew(): Promise<never> {
    await this.#decideUntil(() => this.#announcer.idle && allHandlersFinished());
    return await continueAsNew<(input: OrderInput) => Promise<OrderResult>>({
      ...this.#input,
      carried: {
        order: this.order,
        ledger: this.#saga.ledger,
        reason: this.#reason,
        version: this.#version,
        inbox: this.#inbox.content(),
      },
    });
  }
}
