/** The longest that an answer is waited for, in seconds: API Gateway gives up after 29. */
const LONGEST = 25;

/**
 * How long the caller would like to wait, in seconds, by its `Prefer` header (RFC 7240); null where it does not say
 * so, or what it says is no positive whole number.
 */
export function waitOf(prefer: string | undefined): number | null {
  for (const preference of (prefer ?? '').split(',')) {
    const [, quoted, plain] =
      /^\s*wait\s*=\s*(?:"(\d{1,9})"|(\d{1,9}))\s*(?:;|$)/i.exec(preference) ?? [];
    const seconds = Number(quoted ?? plain ?? 0);
    if (seconds > 0) return Math.min(seconds, LONGEST);
  }
  return null;
}
