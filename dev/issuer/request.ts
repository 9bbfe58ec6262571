import { z } from 'zod';
import { SCOPES } from '../../src/api/caller.ts';
import { id } from '../../src/contracts/fields.ts';
import { ROLE_SCOPES, type Role } from './roles.ts';

/** Absent: what the role's operations need. Others may be named: the API has to look at the role as well. */
const scope = z
  .string()
  .transform((text) => text.split(' ').filter((one) => one !== ''))
  .pipe(z.array(z.enum(SCOPES)))
  .optional();

/** Who asks for a token, and for what: nobody has to prove it. */
export const TokenRequest = z.discriminatedUnion('role', [
  z.strictObject({ role: z.literal('customer'), customerId: id, scope }),
  z.strictObject({ role: z.literal('seller'), sellerId: id, scope }),
  z.strictObject({ role: z.literal('staff'), name: id.default('staff'), scope }),
]);

export type TokenRequest = z.input<typeof TokenRequest>;

/** What a token says of its owner, as `src/api/authentication.ts` reads it. */
export interface TokenClaims extends Record<string, unknown> {
  readonly sub: string;
  readonly role: Role;
  readonly scope: string;
}

/** The claims for a request that has been read. */
export function claimsOf(request: z.output<typeof TokenRequest>): TokenClaims {
  const { role } = request;
  const scopes = request.scope ?? ROLE_SCOPES[role];
  const common = { role, scope: scopes.join(' ') };
  switch (role) {
    case 'customer':
      return { ...common, sub: request.customerId, customer_id: request.customerId };
    case 'seller':
      return { ...common, sub: request.sellerId, seller_id: request.sellerId };
    case 'staff':
      return { ...common, sub: request.name };
  }
}
