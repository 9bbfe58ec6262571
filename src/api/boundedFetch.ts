/** The part of `fetch` that is used, so that a test can stand in the network's place. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** How long an answer may take as a whole, in milliseconds. */
const DEADLINE = 5_000;
/** How much of an answer is read, in bytes: a certificate has about 2,000. */
const MOST = 16 * 1024;

/** Fetches a small text, and follows no redirect. @throws Error where it does not come, in time and whole. */
export async function fetchText(fetch: Fetch, url: string): Promise<string> {
  const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(DEADLINE) });
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`${url} answered ${response.status}`);
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    // Leaving the loop cancels the rest.
    if (size > MOST) throw new Error(`${url} answered more than ${MOST} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
