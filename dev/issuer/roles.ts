import type { Caller, Scope } from '../../src/api/caller.ts';

export type Role = Caller['role'];

/** What each role may ask for; a token has all of it unless it names less. */
export const ROLE_SCOPES = {
  customer: [
    'orders:place',
    'orders:read',
    'orders:cancel',
    'orders:pay',
    'returns:request',
    'returns:read',
  ],
  seller: ['orders:read', 'orders:cancel', 'returns:read', 'returns:inspect'],
  staff: [
    'orders:place',
    'orders:read',
    'orders:cancel',
    'orders:pay',
    'orders:review',
    'returns:request',
    'returns:read',
    'returns:inspect',
    'events:send',
  ],
} as const satisfies Record<Role, readonly Scope[]>;
