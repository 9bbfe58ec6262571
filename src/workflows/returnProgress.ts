import {
  allHandlersFinished,
  CancellationScope,
  continueAsNew,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { Command, CommandAnswer, Winner } from '../contracts/commands.ts';
import type { InboxEvent } from '../contracts/inbox.ts';
import type { ResolveRequest } from '../contracts/orders.ts';
import {
  decideInspection as inspectionUpdate,
  resolveReturn,
  resumeReturn,
  returnQuery,
  returnWorkflowId,
  type InspectionRequest,
  type ReturnInput,
  type ReturnResult,
  type ReturnRow,
} from '../contracts/returns.ts';
import {
  decideGoodsReceived,
  decideInspection,
  type ReturnState,
  type ReturnWaiting,
} from '../domain/return.ts';
import type { Money } from '../domain/money.ts';
import { remindersBy, reminderTimes } from '../domain/reminders.ts';
import { checkCommand, checkInspection, checkResolve } from './commandChecks.ts';
import { Inbox, type Settled } from './inbox.ts';
import { ReturnAnnouncer } from './returnAnnouncer.ts';
import { settleUntil } from './settleUntil.ts';
import { failureOf, outcomeOf } from './stepOutcome.ts';
import { Timeline } from './timeline.ts';

const INSPECTION = 'decide-inspection';
const RESUMPTION = 'resume-return';
const RESOLUTION = 'resolve-return';

/**
 * Where a return stands, and the only place where that changes: events and commands are decided here, between the
 * workflow's steps and during them; what changes is announced from here, one announcement at a time.
 *
 * Make one before the first await of the workflow: it sets the handlers.
 */
export class ReturnProgress {
  #row: Omit<ReturnRow, 'revision' | 'timeline'>;
  readonly #input: ReturnInput;
  readonly #inbox: Inbox;
  readonly #timeline: Timeline;
  readonly #announcer: ReturnAnnouncer;
  #workflowCancelled = false;
  #resolved: boolean;
  /** Whether this run only waits, to go on in a new one. */
  #leaving = false;

  constructor(input: ReturnInput) {
    const { carried } = input;
    this.#input = input;
    this.#row = carried?.row ?? requested(input);
    this.#inbox = new Inbox(carried?.inbox);
    this.#resolved = carried?.resolved === true;
    this.#timeline = new Timeline(carried?.row.timeline);
    this.#announcer = new ReturnAnnouncer(
      () => this.row(),
      carried?.row.state === 'needs-operator',
    );
    setHandler(returnQuery, () => this.row());
    setHandler(inspectionUpdate, (request) => this.#inspect(request), {
      validator: checkInspection,
    });
    setHandler(resumeReturn, (command) => this.#help(RESUMPTION, command), {
      validator: checkCommand,
    });
    setHandler(resolveReturn, (request) => this.#help(RESOLUTION, request), {
      validator: checkResolve,
    });
    CancellationScope.current().cancelRequested.catch(() => {
      this.#workflowCancelled = true;
    });
    if (carried) return;
    const { reason, requestedBy: by } = input.request;
    this.#timeline.add({ kind: 'command', name: 'request-return', outcome: 'applied', reason, by });
    this.become('requested');
  }

  /** The return's row as it is now. */
  row(): ReturnRow {
    const { length: revision, entries: timeline } = this.#timeline;
    return { ...this.#row, revision, timeline };
  }

  /** Whether an operator has made the refund by hand. */
  get isResolved(): boolean {
    return this.#resolved;
  }

  /** Brings the return into a state, with what is newly known of it, and announces it. */
  become(
    state: ReturnState,
    known: Partial<Omit<ReturnRow, 'state' | 'revision' | 'timeline'>> = {},
  ): void {
    this.#row = { ...this.#row, waitingFor: null, reason: null, ...known, state };
    const { reason } = this.#row;
    this.#timeline.add({ kind: 'state', name: state, reason });
    this.#announcer.announce({ version: this.#timeline.length, state, reason });
  }

  /** Notes whose order it is; it is told with the next change of state. */
  recordCustomer(customerId: string): void {
    this.#row = { ...this.#row, customerId };
  }

  /** Notes what was refunded; it is told with the next change of state. */
  recordRefund(refund: Money): void {
    this.#row = { ...this.#row, refund };
  }

  /**
   * Waits while the return waits for this, which an event or a command ends. The customer is reminded of goods that do
   * not come.
   *
   * @returns why the waiting ended without it; null when it came.
   */
  async waitWhile(waitingFor: ReturnWaiting): Promise<'late' | 'workflow-cancelled' | null> {
    const came = () => this.#row.waitingFor !== waitingFor;
    if (came()) return null;
    // Whoever waits for an operator has refunded nothing yet, and will not let go of that.
    const cancelled = () => this.#workflowCancelled && waitingFor !== 'operator';
    const { goodsUntil } = this.#row;
    const until =
      waitingFor === 'goods' && goodsUntil !== null ? Date.parse(goodsUntil) : undefined;
    const over = () => came() || cancelled() || workflowInfo().continueAsNewSuggested;
    let inTime: boolean;
    for (;;) {
      const reminder = this.#nextReminder();
      inTime = await this.#decideUntil(over, reminder ?? until);
      // Past the end nobody is reminded any more, even where nobody could be in time.
      if (inTime || reminder === undefined || until === undefined || Date.now() >= until) break;
      this.#remind();
    }
    if (came()) return null;
    if (inTime && !cancelled()) return await this.#continueAsNew();
    // From here on nothing that comes can be what was waited for.
    this.#row = { ...this.#row, waitingFor: null };
    return inTime ? 'workflow-cancelled' : 'late';
  }

  /** When the customer is reminded next; undefined: not any more, or not while this is waited for. */
  #nextReminder(): number | undefined {
    if (this.#row.waitingFor !== 'goods') return undefined;
    return this.#reminderTimes()[this.#row.reminders ?? 0];
  }

  #reminderTimes(): readonly number[] {
    const { goodsUntil } = this.#row;
    const { remindAfterSeconds = [], goodsWithinSeconds } = this.#input.policy;
    if (goodsUntil === null) return [];
    const until = Date.parse(goodsUntil);
    return reminderTimes({ since: until - goodsWithinSeconds * 1_000, until }, remindAfterSeconds);
  }

  #remind(): void {
    const { state, reason, reminders: told = 0 } = this.#row;
    const reminders = remindersBy(Date.now(), this.#reminderTimes(), told);
    this.#row = { ...this.#row, reminders };
    this.#timeline.add({ kind: 'step', name: 'remind-customer' });
    const version = this.#timeline.length;
    this.#announcer.announce({ version, state, reason, notice: 'return-reminder' });
  }

  /** Takes one step at the outside, while events and commands go on being decided. */
  async step<Answer>(name: string, take: () => Promise<Answer>): Promise<Answer> {
    const began = Date.now();
    let settled = false;
    const answer = take().finally(() => {
      settled = true;
    });
    // Its failure is thrown below.
    answer.catch(() => undefined);
    await this.#decideUntil(() => settled);
    const ended = await answer.then(outcomeOf, failureOf);
    this.#timeline.add({ kind: 'step', name, ...ended, took: Date.now() - began });
    return await answer;
  }

  /** Brings the return to its end: nothing that came is left undecided, and everything has been told. */
  async end(state: ReturnState, reason: string | null = null): Promise<ReturnResult> {
    this.become(state, { reason });
    await this.#decideUntil(() => this.#announcer.idle && allHandlersFinished());
    const refunded = state === 'refunded' ? (this.#row.refund?.amount ?? 0) : 0;
    return { state, refunded, events: this.#inbox.content().records };
  }

  /** Decides what comes, as it comes, until `done`. @returns false when `until` was reached first. */
  #decideUntil(done: () => boolean, until?: number): Promise<boolean> {
    return settleUntil(this.#inbox, {
      due: (event) => this.#isDue(event),
      apply: (event) => this.#apply(event),
      done,
      until,
      // Whoever leaves waits for what is being told: told of each event, a flood would keep it for ever.
      onDecided: () => !this.#leaving && this.#announcer.writeRow(),
    });
  }

  /** Goods that come before the return is opened wait; so do those that come while it is being closed. */
  #isDue({ type }: InboxEvent): boolean {
    if (type !== 'GoodsReceived') return true;
    const { state, waitingFor } = this.#row;
    return state !== 'requested' && (state !== 'awaiting-goods' || waitingFor === 'goods');
  }

  #apply({ id, type }: InboxEvent): Settled {
    const decision: Settled =
      type === 'GoodsReceived'
        ? decideGoodsReceived(this.#row.state)
        : { outcome: 'refused', reason: 'unknown-type' };
    this.#timeline.add({ kind: 'event', name: type, by: id, ...decision });
    if (decision.outcome === 'applied') this.become('inspecting', { waitingFor: 'inspection' });
    return decision;
  }

  #inspect(request: InspectionRequest): CommandAnswer<ReturnState> {
    const { waitingFor, lines, currency } = this.#row;
    if (waitingFor !== 'inspection' || currency === null) {
      const wonBy = this.#inspected();
      return wonBy
        ? this.#refuse(INSPECTION, request, 'already-inspected', wonBy)
        : this.#refuse(INSPECTION, request, 'not-inspecting');
    }
    const decision = decideInspection(lines, request.accepted);
    if (decision.outcome === 'refused') {
      return this.#refuse(INSPECTION, request, decision.reason);
    }
    const { accepted, refund } = decision;
    this.#timeline.add({
      kind: 'command',
      name: INSPECTION,
      outcome: 'applied',
      reason: request.reason,
      by: request.requestedBy,
    });
    this.#row = {
      ...this.#row,
      waitingFor: null,
      accepted,
      refund: { amount: refund, currency },
    };
    // Where nothing is accepted there is nothing to refund: the inspection is all there was.
    if (accepted.length > 0) this.become('refunding');
    else this.#announcer.writeRow();
    return this.#accept(request);
  }

  #help(
    name: typeof RESUMPTION | typeof RESOLUTION,
    command: Command & Partial<ResolveRequest>,
  ): CommandAnswer<ReturnState> {
    if (this.#row.waitingFor !== 'operator') {
      return this.#refuse(name, command, 'not-waiting-for-operator');
    }
    const { requestedBy: by, reason } = command;
    this.#timeline.add({
      kind: 'command',
      name,
      outcome: 'applied',
      by,
      ...(reason !== undefined && { reason }),
    });
    this.#resolved = name === RESOLUTION;
    this.become('refunding');
    return this.#accept(command);
  }

  /** Who decided about the goods. */
  #inspected(): Winner | undefined {
    const entry = this.#timeline.entries.find(
      ({ kind, name, outcome }) =>
        kind === 'command' && name === INSPECTION && outcome === 'applied',
    );
    return entry && { what: entry.name, by: entry.by, at: entry.at };
  }

  #accept({ request }: Command): CommandAnswer<ReturnState> {
    return { state: this.#row.state, accepted: true, ...(request !== undefined && { request }) };
  }

  #refuse(
    name: string,
    { requestedBy, request }: Command,
    reason: string,
    wonBy?: Winner,
  ): CommandAnswer<ReturnState> {
    this.#timeline.add({ kind: 'command', name, outcome: 'refused', reason, by: requestedBy });
    this.#announcer.writeRow();
    return {
      state: this.#row.state,
      accepted: false,
      reason,
      ...(request !== undefined && { request }),
      ...(wonBy && { wonBy }),
    };
  }

  async #continueAsNew(): Promise<never> {
    this.#leaving = true;
    await this.#decideUntil(() => this.#announcer.idle && allHandlersFinished());
    return await continueAsNew<(input: ReturnInput) => Promise<ReturnResult>>({
      ...this.#input,
      carried: {
        row: this.row(),
        inbox: this.#inbox.content(),
        ...(this.#resolved && { resolved: true }),
      },
    });
  }
}

function requested({ returnId, order }: ReturnInput): Omit<ReturnRow, 'revision' | 'timeline'> {
  return {
    ...order,
    returnId,
    workflowId: returnWorkflowId(returnId),
    state: 'requested',
    waitingFor: null,
    reason: null,
    customerId: null,
    currency: null,
    lines: [],
    accepted: null,
    refund: null,
    requestedAt: workflowInfo().startTime.toISOString(),
    goodsUntil: null,
  };
}
