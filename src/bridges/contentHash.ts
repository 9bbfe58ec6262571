import { createHash } from 'node:crypto';

/** A hash of what an event says: the same for the same data, in whatever order its keys came. */
export function contentHash(data: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(data ?? null, sortKeys))
    .digest('hex');
}

function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1)),
  );
}
