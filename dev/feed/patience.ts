import { setTimeout as delay } from 'node:timers/promises';

/** How long a server that is being restarted is waited for, in milliseconds, and how long between two tries. */
const PATIENCE = 120_000;
export const BETWEEN_TRIES = 200;

/**
 * Repeats a call of AWS while nobody answers, as everybody who sends or reads events has to: what it does twice has to
 * be harmless. What is refused is not repeated.
 *
 * @throws what the last try threw, past `PATIENCE`.
 */
export async function patiently<Answer>(call: () => Promise<Answer>): Promise<Answer> {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (isRefusal(error) || Date.now() > deadline) throw error;
    }
    await delay(BETWEEN_TRIES);
  }
}

/** The SDK notes the status of what was answered. */
function isRefusal(error: unknown): boolean {
  const { $metadata } = error as { readonly $metadata?: { readonly httpStatusCode?: number } };
  const status = $metadata?.httpStatusCode ?? 500;
  return status < 500;
}
