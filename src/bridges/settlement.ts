import type { ParkingCode, ReleaseCode } from './codes.ts';
import type { Delivered } from './deliver.ts';
import type { Plan } from './route.ts';

/** What is done with a record in its queue. */
export type Settlement =
  | { readonly kind: 'delete'; readonly outcome: 'delivered' | 'duplicate' | 'late' | 'ignored' }
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
 * @param ageSeconds - since the record was first received. Neither receive counts nor the sender's clock decide
 * anything: neighbours, waits and deploys are not attempts.
 */
export function settle(plan: Plan, { delivery, error }: Delivered, ageSeconds: number): Settlement {
  const release = (code: ReleaseCode, delaySeconds: number): Settlement => ({
    kind: 'release',
    code,
    reason: error instanceof Error ? messageOf(error) : code,
    delaySeconds,
  });
  switch (delivery) {
    case 'delivered':
    case 'duplicate':
    case 'ignored':
      return { kind: 'delete', outcome: delivery };
    case 'conflict':
      return park('conflict', `${idOf(plan)} was started before with other content`);
    case 'too-large':
      return park('too-large', messageOf(error as Error));
    case 'late':
      if (plan.operation === 'inbox' && plan.late === 'park') {
        return park('late', `${idOf(plan)} is closed`);
      }
      return { kind: 'delete', outcome: 'late' };
    case 'early': {
      const limit = plan.operation === 'inbox' ? plan.earlySeconds : 0;
      if (ageSeconds >= limit) {
        return park('early', `${idOf(plan)} did not come to exist within ${limit} s`);
      }
      // In proportion to the limit: waiting it out must not use up a queue's maxReceiveCount.
      return release('early', growing(ageSeconds, Math.max(LONGEST_DELAY, limit / 10)));
    }
    case 'busy':
      return release('busy', growing(ageSeconds));
    case 'unavailable':
      return release('unavailable', 5);
    case 'denied':
      return release('denied', 30);
    case 'unexpected':
      return release('unexpected', growing(ageSeconds));
  }
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

/** The innermost message says it best: the client's own is the same for all. */
function messageOf(error: Error): string {
  return error.cause instanceof Error ? messageOf(error.cause) : error.message;
}
