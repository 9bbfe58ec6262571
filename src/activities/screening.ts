import { z } from 'zod';
import type { ScreeningActivities } from '../contracts/activities.ts';

export interface ScreeningActivitiesOptions {
  /** Of the screening service, without a slash at its end: orders are scored at `{url}/scores`. */
  readonly url: string;
  /** How long one call may take, in milliseconds: less than one try of the activity, which is 3 s. Default 2,500. */
  readonly timeoutMs?: number;
}

/** What is not a score is no answer: nothing is taken for one. */
const Answer = z.object({ score: z.number().min(0).max(100) });

/** Fraud screening over HTTP. Whatever is thrown may be repeated: asking twice changes nothing. */
export function createScreeningActivities({
  url,
  timeoutMs = 2_500,
}: ScreeningActivitiesOptions): ScreeningActivities {
  return {
    async screenOrder(request) {
      const response = await fetch(`${url}/scores`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body: JSON.stringify(request),
        // Else whoever answers could send the order's data on to anybody.
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`screening answered ${response.status}: ${excerpt(text)}`);
      const answer = Answer.safeParse(parsed(text));
      if (!answer.success) throw new Error(`screening answered no score: ${excerpt(text)}`);
      return answer.data;
    },
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function excerpt(text: string): string {
  return text.slice(0, 200);
}
