import type { OrderRow } from '../contracts/orders.ts';

/** What a token may allow, one for each kind of operation. */
export const SCOPES = [
  'orders:place',
  'orders:read',
  'orders:cancel',
  'orders:pay',
  'orders:review',
  'returns:request',
  'returns:read',
  'returns:inspect',
  'events:send',
] as const;

export type Scope = (typeof SCOPES)[number];

/**
 * Whose orders a caller has to do with: a customer's own, those with lines of a seller (of which it sees its own
 * lines alone), or, for staff, all.
 */
export type Caller = {
  /** `customer:c-1`, `seller:s-1`, `staff:ana`: what commands say of who gave them. */
  readonly name: string;
  readonly scopes: ReadonlySet<Scope>;
} & (
  | { readonly role: 'customer'; readonly customerId: string }
  | { readonly role: 'seller'; readonly sellerId: string }
  | { readonly role: 'staff' }
);

/** The numbers of the lines that a caller may see and speak for, from 1; none where the order is not its own. */
export function ownLines(
  caller: Caller,
  { customerId, lines }: Pick<OrderRow, 'customerId' | 'lines'>,
): readonly number[] {
  const numbers = lines.map((_, index) => index + 1);
  switch (caller.role) {
    case 'staff':
      return numbers;
    case 'customer':
      return caller.customerId === customerId ? numbers : [];
    case 'seller':
      return numbers.filter((number) => lines[number - 1]?.sellerId === caller.sellerId);
  }
}
