import { type Caller, type Scope, SCOPES } from '../../src/api/caller.ts';

export type Role = Caller['role'];

/** What a role's token allows where the request for it names no scopes: those its operations need. */
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
  staff: SCOPES,
} as const satisfies Record<Role, readonly Scope[]>;
