import { ActivityFailure } from '@temporalio/common';
import {
  allHandlersFinished,
  CancellationScope,
  continueAsNew,
  workflowInfo,
} from '@temporalio/workflow';
import type { InboxEvent } from '../contracts/inbox.ts';
import type { OrderInput, OrderResult, OrderUndo, Question } from '../contracts/orders.ts';
import type { Cancellation, Decision, OrderState } from '../domain/order.ts';
import { Inbox, type Settled } from './inbox.ts';
import { decideEvent, isDue } from './orderEvents.ts';
import { OrderRecord } from './orderRecord.ts';
import type { Saga } from './saga.ts';
import { settleDue, settleUntil } from './settleUntil.ts';

/** How an operator has helped: what failed is to be tried again, or has been done by hand. */
export type Help = 'resumed' | 'resolved';

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
 * a time, between the workflow's steps and during them; what changes is told from here.
 *
 * Make one before the first await of the workflow: it sets the handlers of events and of the query. An await more or
 * less on a way that there was before changes the order of commands, in workflows under way, when something else is
 * answered at the same moment.
 */
export class OrderProgress extends OrderRecord {
  readonly #input: OrderInput;
  readonly #saga: Saga<OrderUndo>;
  readonly #inbox: Inbox;
  readonly #due = (event: InboxEvent) => isDue(this.order, event, this.edition);
  readonly #apply = (event: InboxEvent): Settled => {
    let decision: Decision;
    try {
      decision = decideEvent(this.order, event);
    } catch (error) {
      this.record('event', event.type, event.id, { outcome: 'refused', reason: 'handler-failed' });
      throw error;
    }
    this.record('event', event.type, event.id, decision);
    if (decision.outcome !== 'applied') return decision;
    this.order = decision.order;
    return { outcome: 'applied' };
  };
  #helped: Help | null = null;
  /** What an operator is asked now. */
  #question: Question | null = null;
  /** What the run before has asked, until that is asked again; and the help that has come since. */
  #asked: Question | null;
  #askedHelp: Help | null = null;
  #leaving = false;

  /** @param saga - its ledger is carried along when the workflow continues as new. */
  constructor(input: OrderInput, saga: Saga<OrderUndo>) {
    super(input);
    this.#input = input;
    this.#saga = saga;
    this.#inbox = new Inbox(input.carried?.inbox);
    this.#asked = input.carried?.asked ?? null;
  }

  /** Whether this run only waits for its handlers, to go on in a new one. */
  get leaving(): boolean {
    return this.#leaving;
  }

  /**
   * Takes one step, while events and commands go on being decided. A cancellation accepted meanwhile does not
   * wait for the step's answer: what the step may have done is undone by its compensation.
   *
   * @throws OrderStopped when the order was cancelled, or the step failed for good.
   */
  async step<Answer>(
    name: string,
    take: () => Promise<Answer>,
    // Activities are retried for ever: one that failed all the same never will succeed.
    failed = (failure: ActivityFailure): never => this.stop(`${failure.activityType}-failed`),
  ): Promise<Answer> {
    this.stopIfCancelled();
    const scope = new CancellationScope();
    let settled = false;
    const answer = scope
      .run(() => this.note(name, take()))
      .finally(() => {
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
      if (error instanceof ActivityFailure) failed(error);
      throw error;
    }
  }

  /**
   * The same for a step that there is no way around: an operator helps where it fails for good.
   *
   * @param about - of which parcel or cancellation it is.
   * @param byHand - its answer where the operator has done it.
   * @throws OrderStopped when the order was cancelled, also while an operator is waited for.
   */
  async insist<Answer, ByHand = Answer>(
    name: string,
    about: string,
    take: () => Promise<Answer>,
    byHand: () => ByHand,
  ): Promise<Answer | ByHand> {
    const reason = `${name}-failed`;
    for (;;) {
      if (!this.isAsked(reason, about)) {
        try {
          return await this.step(name, take, rethrow);
        } catch (error) {
          if (!(error instanceof ActivityFailure)) throw error;
        }
      }
      if ((await this.needOperator(reason, about)) === 'resolved') return byHand();
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

  /**
   * The same for an order that is being undone: it cannot be cancelled any more.
   *
   * @returns false when the time ran out first.
   */
  async waitUndoing(done: () => boolean, until: number): Promise<boolean> {
    const came = await this.#decideUntil(() => done() || this.#outgrown(), until);
    if (came && !done()) await this.#continueAsNew();
    return came;
  }

  /**
   * Whether an operator was asked about this when the run before went on in this one. It is not tried again unasked: an
   * operator may have done it by hand by now.
   */
  isAsked(reason: string, about = ''): boolean {
    return this.#asked?.reason === reason && this.#asked.about === about;
  }

  /** Waits until an operator has helped the order, which needs one for this reason, or somebody cancels it. */
  async needOperator(reason: string, about = ''): Promise<Help | null> {
    this.#helped = null;
    if (this.isAsked(reason, about)) {
      this.#helped = this.#askedHelp;
      this.#asked = null;
    }
    this.#question = { reason, about };
    if (this.order.state !== 'needs-operator' || this.reason !== reason) {
      this.become('needs-operator', { reason, waitingFor: 'operator' });
    }
    this.order = { ...this.order, waitingFor: 'operator' };
    // An operator who has resumed it sees that it waits again.
    if (this.edition === 2) this.catchUp();
    const undoing = this.order.cancellation !== null;
    const over = () => this.#helped !== null || (!undoing && this.order.cancellation !== null);
    await this.#decideUntil(() => over() || this.#outgrown());
    if (!over()) await this.#continueAsNew(over);
    this.#question = null;
    this.goOn();
    return this.#helped;
  }

  /** Lets the order go on that waits for an operator. */
  help(how: Help): void {
    if (this.#question) this.#helped = how;
    else this.#askedHelp = how;
  }

  /** Brings the order to its end: nothing that came is left undecided, and everything has been told. */
  async end(state: OrderState, reason?: string): Promise<OrderResult> {
    this.become(state, reason === undefined ? {} : { reason });
    return await this.#finish();
  }

  /** Ends the workflow of an order that another one carries: nothing is done, and nothing is told. */
  async endAsDuplicate(): Promise<OrderResult> {
    this.order = { ...this.order, state: 'duplicate' };
    this.timeline.add({ kind: 'state', name: 'duplicate' });
    this.claimDecided = true;
    return await this.#finish();
  }

  async #finish(): Promise<OrderResult> {
    do {
      await this.#decideUntil(() => this.announcer.idle && allHandlersFinished());
    } while (this.catchUp());
    return { state: this.order.state, events: this.#inbox.content().records };
  }

  /** Decides the events that have come so far, so that what came first is first. Before a command is decided. */
  decideArrived(): void {
    if (this.claimDecided && this.#inbox.has(this.#due) && this.followsDecisions()) {
      settleDue(this.#inbox, this.#due, this.#apply);
    }
  }

  /** Decides what comes, as it comes, until `done`. @returns false when `until` was reached first. */
  #decideUntil(done: () => boolean, until?: number): Promise<boolean> {
    return settleUntil(this.#inbox, {
      due: this.#due,
      apply: this.#apply,
      done,
      until,
      // Whoever leaves waits for what is being told: told of each event, a flood would keep it for ever.
      onDecided: () => !this.#leaving && this.catchUpWithNews(),
      onWait: () => this.announcer.flush(),
    });
  }

  /** Whether the history is long enough that the workflow should go on in a new one. */
  #outgrown(): boolean {
    return workflowInfo().continueAsNewSuggested;
  }

  /** @param unless - what may come while this run leaves, and would not be known in the next one. */
  async #continueAsNew(unless = () => false): Promise<void> {
    this.#leaving = true;
    await this.#decideUntil(() => this.announcer.idle && allHandlersFinished());
    this.#leaving = false;
    if (unless()) return;
    const asked = this.#question ?? this.#asked;
    await continueAsNew<(input: OrderInput) => Promise<OrderResult>>({
      ...this.#input,
      carried: {
        order: this.order,
        ledger: this.#saga.ledger,
        reason: this.reason,
        version: this.version,
        parcelsTold: this.parcelsTold,
        ...(asked && { asked }),
        inbox: this.#inbox.content(),
        timeline: this.timeline.entries,
        placedAt: this.placedAt,
      },
    });
  }
}

function rethrow(failure: ActivityFailure): never {
  throw failure;
}
