import {
  CancellationScope,
  continueAsNew,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { DisputeActivities } from '../contracts/activities.ts';
import {
  disputeQuery,
  type DisputeFacts,
  type DisputeInput,
  type DisputeNoticeActivities,
  type DisputeOutcome,
  type DisputeResult,
  type DisputeState,
} from '../contracts/disputes.ts';
import type { EventData } from '../contracts/events.ts';
import type { InboxEvent } from '../contracts/inbox.ts';
import { orderWorkflowId } from '../contracts/orders.ts';
import { Inbox, type Settled } from './inbox.ts';
import { settleDue, settleUntil } from './settleUntil.ts';
import { describeStanding } from './teller.ts';
import { own, provider } from './tries.ts';

const { holdRefunds, closeDispute } = proxyActivities<DisputeActivities>(provider);
const { tellDisputeOpened, tellDisputeClosed } = proxyActivities<DisputeNoticeActivities>(own);

/**
 * One dispute of a payment, from the day on which the customer's bank took the money back to its decision.
 *
 * Meanwhile the order's refunds are held, or the customer could get the money twice. The decision may take months, and
 * is waited for without a limit. It is the bank's: a workflow that is cancelled waits for it all the same.
 */
export async function disputeWorkflow(input: DisputeInput): Promise<DisputeResult> {
  const { carried, ...dispute } = input;
  const standing = new Standing(dispute, carried?.state);
  const inbox = new Inbox(carried?.inbox);
  setHandler(disputeQuery, () => ({ state: standing.state }));
  return await CancellationScope.nonCancellable(async () => {
    if (standing.state === 'opened') await open(dispute, standing);
    const outcome = await decision(inbox, standing);
    if (outcome === null) {
      const { state } = standing;
      return await continueAsNew<(next: DisputeInput) => Promise<DisputeResult>>({
        ...dispute,
        carried: { state, inbox: inbox.content() },
      });
    }
    await close(dispute, outcome);
    // What came while it was being closed.
    settleDue(inbox, all, (event) => standing.decide(event));
    return { state: standing.state, events: inbox.content().records };
  });
}

async function open(dispute: DisputeFacts, standing: Standing): Promise<void> {
  const { order, disputeId } = dispute;
  // Nobody has to wait for the payments' queue to learn of it.
  await Promise.all([
    holdRefunds({ orderKey: orderWorkflowId(order), disputeId }),
    tellDisputeOpened(dispute),
  ]);
  standing.become('awaiting-decision');
}

/** Waits for the bank's decision; null: this run's history has grown, and the next one is to go on waiting. */
async function decision(inbox: Inbox, standing: Standing): Promise<DisputeOutcome | null> {
  await settleUntil(inbox, {
    due: all,
    apply: (event) => standing.decide(event),
    done: () => standing.outcome !== null || workflowInfo().continueAsNewSuggested,
    onDecided: () => undefined,
  });
  return standing.outcome;
}

async function close(dispute: DisputeFacts, outcome: DisputeOutcome): Promise<void> {
  const { order, disputeId, money } = dispute;
  const lost = outcome === 'lost' ? money.amount : 0;
  await closeDispute({ orderKey: orderWorkflowId(order), disputeId, lost });
  await tellDisputeClosed({ ...dispute, outcome });
}

/** Where a dispute stands, and the only place where that changes. */
class Standing {
  readonly #dispute: DisputeFacts;
  #state: DisputeState;

  constructor(dispute: DisputeFacts, carried: DisputeState = 'opened') {
    this.#dispute = dispute;
    this.#state = carried;
    this.#show();
  }

  get state(): DisputeState {
    return this.#state;
  }

  /** Null until the bank has decided. */
  get outcome(): DisputeOutcome | null {
    return this.#state === 'won' || this.#state === 'lost' ? this.#state : null;
  }

  become(state: DisputeState): void {
    this.#state = state;
    this.#show();
  }

  /** The first decision stands: the money has gone by it. */
  decide({ type, data }: InboxEvent): Settled {
    if (type !== 'ChargebackClosed') return { outcome: 'refused', reason: 'unknown-type' };
    const { outcome } = data as EventData<'ChargebackClosed'>;
    if (this.outcome === outcome) return { outcome: 'duplicate', reason: 'already-closed' };
    if (this.outcome !== null) return { outcome: 'refused', reason: 'already-closed' };
    // Signals come past the bridge too, which knows the schema.
    if (outcome !== 'won' && outcome !== 'lost') {
      return { outcome: 'refused', reason: 'unknown-outcome' };
    }
    this.become(outcome);
    return { outcome: 'applied' };
  }

  #show(): void {
    const waitingFor = this.#state === 'awaiting-decision' ? 'decision' : null;
    setCurrentDetails(
      describeStanding({ state: this.#state, waitingFor, reason: this.#dispute.reason }),
    );
  }
}

function all(): boolean {
  return true;
}
