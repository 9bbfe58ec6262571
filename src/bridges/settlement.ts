import type { ParkingCode } from '../contracts/parking.ts';
import type { ReleaseCode } from './codes.ts';
import type { Delivered } from './deliver.ts';
import type { Plan } from './plan.ts';

/** What is done with a message in its queue. */
export type Settlement =
  | {
      readonly kind: 'delete';
      readonly outcome: 'delivered' | 'duplicate' | 'late' | 'refused' | 'ignored';
    }
  | { readonly kind: 'park'; readonly code: ParkingCode; readonly reason: string }
  | {
      readonly kind: 'release';
      readonly code: ReleaseCode;
      readonly reason: string;
      readonly delaySeconds: number;
    }
  /** It is no longer ours: its visibility timeout ran out. */
  | { readonly kind: 'drop' };

/** The longest delay of a release, in seconds. */
const LONGEST_DELAY = 60;
/** SQS hides a message for at most 12 hours, of which some have passed in hand. */
const LONGEST_HIDING = 42_000;

/**
 * Settles by Temporal's answer. What may yet succeed is released, never parked, and never deleted.
 *
 * @param ageSeconds - since the message was first received. Neither receive counts nor the sender's clock decide
 * anything: neighbours, waits and deploys are not attempts.
 */
export function settle(plan: Plan, { delivery, error }: Delivered, ageSeconds: number): Settlement {
  const reason = (code: string) => (error instanceof Error ? messageOf(error) : code);
  const releaseAfter = (code: ReleaseCode, delaySeconds: number) =>
    release(code, delaySeconds, reason(code));
  switch (delivery) {
    case 'delivered':
    case 'duplicate':
    case 'ignored':
      return { kind: 'delete', outcome: delivery };
    case 'conflict':
      return park('conflict', `${startedBy(plan)} was started before with other content`);
    case 'too-large':
      return park('too-large', reason('too-large'));
    case 'late':
      if ('late' in plan && plan.late === 'park') return park('late', `${idOf(plan)} is closed`);
      return { kind: 'delete', outcome: 'late' };
    case 'refused':
      if ('refused' in plan && plan.refused === 'park') return park('refused', reason('refused'));
      return { kind: 'delete', outcome: 'refused' };
    case 'early': {
      const limit = 'earlySeconds' in plan ? plan.earlySeconds : 0;
      if (ageSeconds >= limit) {
        return park('early', `${idOf(plan)} did not come to exist within ${limit} s`);
      }
      // In proportion to the limit: waiting it out must not use up a queue's maxReceiveCount.
      return releaseAfter('early', growing(ageSeconds, Math.max(LONGEST_DELAY, limit / 10)));
    }
    case 'unavailable':
      return releaseAfter('unavailable', 5);
    case 'denied':
      return releaseAfter('denied', 30);
    case 'held-too-long':
      return release('held-too-long', 1);
    case 'stopping':
      return release('stopping', 0);
    case 'workflow-stopped':
    case 'busy':
    case 'throttled':
    case 'unanswered':
    case 'unexpected':
      return releaseAfter(delivery, growing(ageSeconds));
  }
}

/** A settlement that gives the message back. @param delaySeconds - how long it stays hidden. */
export function release(
  code: ReleaseCode,
  delaySeconds: number,
  reason: string = code,
): Extract<Settlement, { kind: 'release' }> {
  return { kind: 'release', code, reason, delaySeconds };
}

/** A delay that grows with the age, so that waiting costs a number of receives that grows with its logarithm. */
export function growing(ageSeconds: number, longest = LONGEST_DELAY): number {
  return Math.ceil(Math.min(longest, LONGEST_HIDING, Math.max(1, ageSeconds / 2)));
}

function park(code: ParkingCode, reason: string): Settlement {
  return { kind: 'park', code, reason };
}

function idOf(plan: Plan): string {
  return plan.operation === 'ignore' ? '' : plan.workflowId;
}

/** What a conflict is about: the follow-up where the event came too late for its own workflow. */
function startedBy(plan: Plan): string {
  return 'late' in plan && typeof plan.late === 'object' ? plan.late.workflowId : idOf(plan);
}

/** The innermost message says it best: the client's own is the same for all. */
function messageOf(error: Error): string {
  return error.cause instanceof Error ? messageOf(error.cause) : error.message;
}
