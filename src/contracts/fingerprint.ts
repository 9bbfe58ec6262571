const FINGERPRINT_LENGTH = 14;

/**
 * 64 bits of a text, as 14 characters: far shorter than an event ID, and among tens of thousands of them as good as
 * unique. Not cryptographic; workflow code has no such hash. (After cyrb53, https://github.com/bryc/code/blob/master/jshash/experimental/cyrb53.js,
 * with both halves kept whole.)
 */
export function fingerprint(text: string): string {
  let one = 0xdeadbeef;
  let other = 0x41c6ce57;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    one = Math.imul(one ^ code, 2654435761);
    other = Math.imul(other ^ code, 1597334677);
  }
  one = Math.imul(one ^ (one >>> 16), 2246822507) ^ Math.imul(other ^ (other >>> 13), 3266489909);
  other = Math.imul(other ^ (other >>> 16), 2246822507) ^ Math.imul(one ^ (one >>> 13), 3266489909);
  return half(one) + half(other);
}

function half(bits: number): string {
  return (bits >>> 0).toString(32).padStart(FINGERPRINT_LENGTH / 2, '0');
}

/** Fingerprints as one text: they all have the same length. */
export function joinedFingerprints(fingerprints: Iterable<string>): string {
  return [...fingerprints].join('');
}

export function splitFingerprints(joined = ''): string[] {
  return Array.from({ length: joined.length / FINGERPRINT_LENGTH }, (_, index) =>
    joined.slice(index * FINGERPRINT_LENGTH, (index + 1) * FINGERPRINT_LENGTH),
  );
}
