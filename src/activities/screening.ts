import { z } from 'zod';
import type { ScreeningActivities } from '../contracts/activities.ts';
import { createJsonService } from './jsonService.ts';

export interface ScreeningActivitiesOptions {
  /** Of the screening service, without a slash at its end: orders are scored at `{url}/scores`. */
  readonly url: string;
  /** How long one call may take, in milliseconds: less than one try of the activity, which is 3 s. Default 2,500. */
  readonly timeoutMs?: number;
}

/** What is not a score is no answer: nothing is taken for one. */
const Score = z.object({ score: z.number().min(0).max(100) });

/** Fraud screening over HTTP. Whatever is thrown may be repeated: asking twice changes nothing. */
export function createScreeningActivities({
  url,
  timeoutMs = 2_500,
}: ScreeningActivitiesOptions): ScreeningActivities {
  const ask = createJsonService({ name: 'screening', url, timeoutMs });
  return {
    screenOrder: (request) =>
      ask({ method: 'POST', path: '/scores', body: request, answer: Score, wanted: 'score' }),
  };
}
