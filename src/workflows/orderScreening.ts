import { isCancellation, proxyActivities } from '@temporalio/workflow';
import type {
  AdmitAnswer,
  OrderActivities,
  ScreeningActivities,
  ScreeningRequest,
} from '../contracts/activities.ts';
import { screeningDecision, type ScreeningDecision } from '../domain/screening.ts';
import type { OrderProgress } from './orderProgress.ts';
import { own } from './tries.ts';

const { admitOrder } = proxyActivities<OrderActivities>(own);

// An order does not wait long for a score: a person can decide too.
const { screenOrder } = proxyActivities<ScreeningActivities>({
  scheduleToCloseTimeout: '10s',
  startToCloseTimeout: '3s',
  retry: { initialInterval: '500ms', maximumAttempts: 3 },
});

/** Claims the order, and has it screened by the way. */
export async function admit(progress: OrderProgress): Promise<'admitted' | 'duplicate'> {
  const asked = admitOrder({ row: progress.row(), screening: screeningRequest(progress) });
  const { kind } = await progress.note('screen', asked.then(decide));
  if (kind === 'duplicate') return kind;
  progress.announceClaimed();
  progress.screened = kind;
  return 'admitted';
}

function decide(answer: AdmitAnswer): {
  readonly kind: ScreeningDecision | 'duplicate' | 'unanswered';
} {
  if (answer.kind === 'duplicate') return answer;
  return { kind: answer.score === null ? 'unanswered' : screeningDecision(answer.score) };
}

/**
 * Has the order screened for fraud, and waits for a person's decision where the score leaves doubt.
 *
 * @returns why the order is rejected; null when it goes on.
 * @throws OrderStopped when the order was cancelled.
 */
export async function screen(
  progress: OrderProgress,
  reviewWithinSeconds: number,
): Promise<string | null> {
  if (progress.order.state !== 'on-review') {
    const { screened } = progress;
    if (screened === 'unanswered') progress.be('screening');
    const { kind, code }: Screened =
      screened === 'unanswered'
        ? await progress.step('screen', () => ask(progress))
        : { kind: screened };
    if (kind === 'approve') return null;
    if (kind === 'reject') return 'screening-rejected';
    const reviewUntil = Date.now() + reviewWithinSeconds * 1000;
    progress.order = { ...progress.order, reviewUntil };
    progress.become('on-review', { reason: code ?? 'screening-doubtful', waitingFor: 'review' });
  }
  const reviewed = () => progress.order.review !== null;
  if (!(await progress.waitFor(reviewed, progress.order.reviewUntil))) return 'review-expired';
  progress.goOn();
  return progress.order.review?.decision === 'reject' ? 'review-rejected' : null;
}

interface Screened {
  readonly kind: ScreeningDecision;
  readonly code?: string;
}

async function ask(progress: OrderProgress): Promise<Screened> {
  try {
    const { score } = await screenOrder(screeningRequest(progress));
    return { kind: screeningDecision(score) };
  } catch (error) {
    if (isCancellation(error)) throw error;
    return { kind: 'review', code: 'screening-unavailable' };
  }
}

function screeningRequest({ orderKey, placed, order }: OrderProgress): ScreeningRequest {
  const pieces = placed.lines.reduce((sum, { quantity }) => sum + quantity, 0);
  return { orderKey, customerId: placed.customerId, total: order.total, pieces };
}
