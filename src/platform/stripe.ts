import Stripe from 'stripe';

/**
 * A client of Stripe's API, at the API version that the package is pinned to.
 *
 * `baseUrl` is scheme, host and port: `https://api.stripe.com`, or the sandbox's. `timeoutMs` bounds each call; by default
 * 20,000, less than the time of the activity that makes it.
 *
 * It does not retry: Temporal does, and sees each failure. (On a connection that was closed under it the
 * package still repeats a call once, with the same idempotency key.)
 *
 * @throws TypeError when `baseUrl` is not an http or https URL
 */
export function createStripe({
  apiKey,
  baseUrl,
  timeoutMs = 20_000,
}: {
  readonly apiKey: string;
  readonly baseUrl: string;
  readonly timeoutMs?: number;
}): Stripe {
  const { protocol, hostname, port } = new URL(baseUrl);
  if (protocol !== 'http:' && protocol !== 'https:') {
    throw new TypeError(`expected an http or https URL, received ${baseUrl}`);
  }
  return new Stripe(apiKey, {
    protocol: protocol === 'http:' ? 'http' : 'https',
    host: hostname,
    port: port || (protocol === 'http:' ? 80 : 443),
    timeout: timeoutMs,
    maxNetworkRetries: 0,
    telemetry: false,
  });
}
