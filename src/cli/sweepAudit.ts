import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Audit } from '../console/audit.ts';

/**
 * Audits the service in a thread of its own: it reads everything into memory and then compares it at one go, while
 * orders' activities have to be answered. The thread's heap is its own too, and is gone with it.
 *
 * @param signal - ends the thread, wherever it is: it changes nothing.
 * @throws what ended the thread before it had an answer.
 */
export async function auditInThread(signal: AbortSignal): Promise<Audit> {
  const thread = new Worker(new URL('./auditThread.ts', import.meta.url));
  try {
    // An error in the thread rejects both.
    const [account] = await Promise.race([once(thread, 'message', { signal }), ended(thread)]);
    return account as Audit;
  } finally {
    await thread.terminate();
  }
}

async function ended(thread: Worker): Promise<never> {
  const [code] = (await once(thread, 'exit')) as [number];
  throw new Error(`the audit's thread ended with exit code ${code}, without an answer`);
}
