import { isCancellation, proxyActivities } from '@temporalio/workflow';
import type { ScreeningActivities } from '../contracts/activities.ts';
import type { OrderProgress } from './orderProgress.ts';
import { screeningDecision, type ScreeningDecision } from '../domain/screening.ts';

// An order does not wait long for a score: a person can decide too.
const { screenOrder } = proxyActivities<ScreeningActivities>({
  scheduleToCloseTimeout: '10s',
  startToCloseTimeout: '3s',
  retry: { initialInterval: '500ms', maximumAttempts: 3 },
});

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
    progress.become('screening');
    const { kind, code } = await progress.step('screen', () => score(progress));
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

async function score(
  progress: OrderProgress,
): Promise<{ readonly kind: ScreeningDecision; readonly code?: string }> {
  const { orderKey, placed, order } = progress;
  const pieces = placed.lines.reduce((sum, { quantity }) => sum + quantity, 0);
  const { customerId } = placed;
  try {
    const answer = await screenOrder({ orderKey, customerId, total: order.total, pieces });
    return { kind: screeningDecision(answer.score) };
  } catch (error) {
    if (isCancellation(error)) throw error;
    return { kind: 'review', code: 'screening-unavailable' };
  }
}
