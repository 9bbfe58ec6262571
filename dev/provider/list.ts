import { invalidParameter, notFound } from './errors.ts';
import { positiveInteger } from './form.ts';

/** One page of Stripe's lists: youngest first, at most `limit` (1 to 100, default 10), after `starting_after`. */
export function pageOf<T extends { readonly id: string }>(
  url: string,
  oldestFirst: Iterable<T>,
  query: Readonly<Record<string, string>>,
): { object: 'list'; url: string; has_more: boolean; data: readonly T[] } {
  const limit = positiveInteger(query['limit'] ?? '10', 'limit');
  if (limit > 100) throw invalidParameter('limit', 'Invalid limit: at most 100');
  const all = [...oldestFirst].reverse();
  const after = query['starting_after'];
  const index = after === undefined ? -1 : all.findIndex(({ id }) => id === after);
  if (after !== undefined && index < 0) throw notFound('object', after, 'starting_after', 400);
  const rest = all.slice(index + 1);
  return { object: 'list', url, has_more: rest.length > limit, data: rest.slice(0, limit) };
}
