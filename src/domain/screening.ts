/** What becomes of an order by its score: it goes on, a person decides, or it ends here. */
export type ScreeningDecision = 'approve' | 'review' | 'reject';

// Ours, to begin with: no provider prescribes them. Who buys scores elsewhere sets them by what chargebacks cost.
const REVIEW_FROM = 60;
const REJECT_FROM = 90;

/** @param score - how suspicious an order is, 0 to 100. */
export function screeningDecision(score: number): ScreeningDecision {
  if (score < REVIEW_FROM) return 'approve';
  return score < REJECT_FROM ? 'review' : 'reject';
}
