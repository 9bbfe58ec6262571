import type { TokenRequest } from './request.ts';

/** A token is not used any more this long before it expires, in milliseconds. */
const MARGIN = 60_000;

/** Gets a token from the local issuer. @throws Error when it is refused. */
export async function fetchToken(
  issuer: string,
  request: TokenRequest,
): Promise<{ readonly token: string; readonly expiresAt: number }> {
  const response = await fetch(new URL('/token', issuer), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(request),
    signal: AbortSignal.timeout(5_000),
  });
  if (!response.ok) throw new Error(`no token: ${response.status} ${await response.text()}`);
  const answer = (await response.json()) as { access_token: string; expires_in: number };
  return { token: answer.access_token, expiresAt: Date.now() + answer.expires_in * 1_000 };
}

/** Answers a token that is good for a minute at least, and asks for a new one only where the last is not. */
export function createTokenSource(issuer: string, request: TokenRequest): () => Promise<string> {
  let latest: ReturnType<typeof fetchToken> | undefined;
  return async () => {
    const known = await latest?.catch(() => undefined);
    if (known && known.expiresAt - MARGIN > Date.now()) return known.token;
    latest = fetchToken(issuer, request);
    return (await latest).token;
  };
}
