import { patched, setHandler, workflowInfo } from '@temporalio/workflow';
import type { Announcement, Told } from '../contracts/activities.ts';
import {
  orderQuery,
  orderWorkflowId,
  type OrderInput,
  type OrderRow,
  type PlacedOrder,
} from '../contracts/orders.ts';
import {
  openOrder,
  totalOf,
  type Decision,
  type Order,
  type OrderState,
  type Payment,
  type Waiting,
} from '../domain/order.ts';
import type { Notice } from '../domain/notification.ts';
import { parcelNotices, withShipment, type Shipment } from '../domain/shipment.ts';
import type { ScreeningDecision } from '../domain/screening.ts';
import { Announcer } from './announcer.ts';
import { carriedOrder } from './carriedOrder.ts';
import { failureOf, outcomeOf } from './stepOutcome.ts';
import { Timeline } from './timeline.ts';

/**
 * Marks workflows whose row also follows what is decided without a change of state, and that decide a command only
 * after the events that came before it: both change the commands of ways that there were before.
 */
const FOLLOWS = 'row-follows-decisions';

/** Why an order is in its state, and what it waits for there. */
export interface Standing {
  readonly reason?: string;
  readonly waitingFor?: Waiting;
}

/**
 * What is known of an order, and told: its state, its timeline, its row. It changes through these methods, each of
 * which does at once all that belongs to it.
 */
export class OrderRecord {
  order: Order;
  readonly orderKey: string;
  readonly placed: PlacedOrder;
  /** What the screening said, where claiming the order brought its answer along. */
  screened: ScreeningDecision | 'unanswered' = 'unanswered';
  /** Whether it is known whose order this is: before that, nobody is told what is decided about it. */
  claimDecided: boolean;
  /** Which course the order follows: see OrderInput. */
  readonly edition: 1 | 2;
  protected readonly announcer: Announcer;
  protected readonly timeline: Timeline;
  protected readonly placedAt: string;
  /** The parcels as they were when their news were told last. */
  protected parcelsTold: Order['shipments'];
  protected version: number;
  protected reason: string | null;
  /** The revision of the last decision that told something new. */
  #news = 0;

  constructor({ placed, carried, edition }: OrderInput) {
    this.placed = placed;
    this.edition = edition ?? 1;
    this.orderKey = orderWorkflowId(placed);
    this.order = carried
      ? carriedOrder(carried.order)
      : openOrder(totalOf(placed.lines, placed.currency), placed.paymentMethod ?? null);
    this.parcelsTold = carried?.parcelsTold ?? this.order.shipments;
    this.version = carried?.version ?? 1;
    this.reason = carried?.reason ?? null;
    this.claimDecided = carried !== undefined;
    this.placedAt = carried?.placedAt ?? workflowInfo().startTime.toISOString();
    this.timeline = new Timeline(carried?.timeline);
    if (!carried) this.timeline.add({ kind: 'state', name: this.order.state });
    this.announcer = new Announcer({ row: () => this.row(), waitsForSteps: edition === 2 });
    setHandler(orderQuery, () => this.row());
  }

  /** The order's row as it is now. */
  row(): OrderRow {
    const { order, placed } = this;
    return {
      channel: placed.channel,
      orderId: placed.orderId,
      workflowId: this.orderKey,
      version: this.version,
      revision: this.timeline.length,
      claimedBy: workflowInfo().firstExecutionRunId,
      state: order.state,
      waitingFor: order.waitingFor,
      reason: this.reason,
      customerId: placed.customerId,
      placedAt: this.placedAt,
      total: order.total,
      lines: placed.lines,
      cancelledLines: order.cancelledLines,
      review: order.review,
      payment: order.payment,
      shipments: order.shipments,
      cancellation: order.cancellation,
      timeline: this.timeline.entries,
    };
  }

  /** The order is this start's, as is known now: tells so. */
  announceClaimed(): void {
    this.claimDecided = true;
    this.announcer.announce({ version: this.version, state: this.order.state, reason: null });
  }

  /** Tells something that is no change of state. */
  notify(notice: Notice, reason: string | null = null): void {
    this.version += 1;
    const { state } = this.order;
    this.announcer.announce({ version: this.version, state, reason, notice });
  }

  /** Tells what of its parcels' news is no change of state, once each. */
  notifyOfParcels(): void {
    const { shipments } = this.order;
    for (const notice of parcelNotices(this.parcelsTold, shipments)) this.notify(notice);
    this.parcelsTold = shipments;
  }

  /** Brings the order into a state, and announces it. */
  become(state: OrderState, { reason, waitingFor }: Standing = {}): void {
    this.version += 1;
    this.reason = reason ?? null;
    this.order = { ...this.order, state, waitingFor: waitingFor ?? null };
    this.timeline.add({ kind: 'state', name: state, reason: this.reason });
    this.announcer.announce({ version: this.version, state, reason: this.reason });
  }

  /** The same, unless the order is in that state already and waits for the same. */
  be(state: OrderState, standing: Standing = {}): void {
    const { state: present, waitingFor } = this.order;
    if (present !== state || waitingFor !== (standing.waitingFor ?? null)) {
      this.become(state, standing);
    }
  }

  /** Nothing is waited for any more: the service itself is at work. Told with the next change of state. */
  goOn(): void {
    this.order = { ...this.order, waitingFor: null };
  }

  /** Notes what is newly known of the payment; it is told with the next change of state. */
  recordPayment(known: Partial<Payment>): void {
    this.order = { ...this.order, payment: { ...this.order.payment, ...known } };
  }

  /** Takes over what was decided about a command, and tells it at once. */
  recordCommand(name: string, by: string | null, decision: Decision, words: string | null): void {
    const before = this.order.cancelledLines.length;
    if (decision.outcome === 'applied') this.order = decision.order;
    this.record('command', name, by, decision, words);
    const isShorter = this.order.cancelledLines.length > before;
    if (isShorter && this.edition === 2) this.notify('lines-cancelled');
    this.writeRow();
  }

  /** Notes what is newly known of one parcel, in the same way. */
  recordShipment(shipmentId: string, known: Partial<Shipment>): void {
    const shipments = withShipment(this.order.shipments, shipmentId, known);
    this.order = { ...this.order, shipments };
  }

  /**
   * Has a step's activity take along what is due to be told, where the order's edition says so: `tell` calls it with
   * what is due, `plain` without.
   */
  async takeAlong<Answer>(
    plain: () => Promise<Answer>,
    tell: (due: Announcement) => Promise<Told<Answer>>,
  ): Promise<Answer> {
    const due = this.announcer.take();
    if (!due) return await plain();
    try {
      const { answer, told } = await tell(due);
      if (!told) this.announcer.putBack(due);
      return answer;
    } catch (error) {
      this.announcer.putBack(due);
      throw error;
    }
  }

  /** Writes the row as it is, without a change of state. @returns whether it is written. */
  writeRow(): boolean {
    // The row of an order that is, or may be, somebody else's is not ours to write.
    if (!this.claimDecided || this.order.state === 'duplicate') return false;
    if (!this.followsDecisions()) return false;
    this.announcer.writeRow();
    return true;
  }

  /**
   * Enters a step in the timeline once it has ended. It adds no turn of the microtasks, as in workflows that are
   * under way the order of commands rests on them.
   */
  note<Answer>(name: string, answer: Promise<Answer>): Promise<Answer> {
    const began = Date.now();
    const enter = (told: ReturnType<typeof outcomeOf>) => {
      this.timeline.add({ kind: 'step', name, ...told, took: Date.now() - began });
    };
    answer.then(
      (known) => enter(outcomeOf(known)),
      (error) => enter(failureOf(error)),
    );
    return answer;
  }

  /** Whether this run's row follows what is decided: see FOLLOWS. */
  protected followsDecisions(): boolean {
    return this.edition === 2 || patched(FOLLOWS);
  }

  protected record(
    kind: 'event' | 'command',
    name: string,
    by: string | null,
    decision: Decision,
    words: string | null = null,
  ): void {
    const { outcome } = decision;
    const reason = outcome === 'applied' ? words : decision.reason;
    this.timeline.add({ kind, name, outcome, reason, by });
    if (name !== 'PaymentCaptured' || outcome === 'refused') this.#news = this.timeline.length;
  }

  /** Writes the row if something was decided since it was last sent out. @returns whether it is written. */
  protected catchUp(): boolean {
    return this.timeline.length > this.announcer.toldRevision && this.writeRow();
  }

  /** The same, unless all that was decided only confirms what is known: that is told with what comes next. */
  protected catchUpWithNews(): boolean {
    return (this.edition === 1 || this.#news > this.announcer.toldRevision) && this.catchUp();
  }
}
