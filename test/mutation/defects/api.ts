import type { Defect } from '../defect.ts';

/** Of what the orders API lets in, and answers. */
export const API_DEFECTS: readonly Defect[] = [
  {
    id: 'update-not-under-the-key',
    what: 'a command is decided again when the caller repeats it under the same key',
    file: 'src/api/decision.ts',
    find: '      updateId: `${caller.name}/${idempotencyKey}`,\n',
    replace: '',
    caughtBy: {
      file: 'test/api/commands.test.ts',
      title: 'decide once for one key, and answer the same for ever',
    },
  },
  {
    id: 'orders-of-others-shown',
    what: 'whoever knows the ID of an order reads it',
    file: 'src/api/lookup.ts',
    find: 'if (!row || ownLines(caller, row).length === 0) {',
    replace: 'if (!row) {',
    caughtBy: {
      file: 'test/api/orders.test.ts',
      title: 'answers for the order of somebody else as for one that is not there',
    },
  },
  {
    id: 'scope-unchecked',
    what: 'any token is good for any operation',
    file: 'src/api/access.ts',
    find: 'if (!request.caller.scopes.has(access)) {',
    replace: 'if (request.caller.scopes.size === 0) {',
    caughtBy: {
      file: 'test/api/protection.test.ts',
      title: 'says how to authenticate, and what is wrong with a token',
    },
  },
  {
    id: 'webhook-signature-unchecked',
    what: 'a webhook is believed whoever signed it',
    file: 'src/api/stripeRoute.ts',
    find: 'return Stripe.webhooks.constructEvent(body ?? Buffer.alloc(0), signature, secret, TOLERANCE);',
    replace: 'return JSON.parse(String(body)) as Stripe.Event;',
    caughtBy: {
      file: 'test/api/ingress.test.ts',
      title: 'is refused when anything about its signature is wrong',
    },
  },
  {
    id: 'sns-host-unchecked',
    what: 'the certificate of an SNS message is fetched from wherever it says',
    file: 'src/api/sns.ts',
    find: "const file = SigningCertURL.startsWith(`${origin}/`) ? SigningCertURL.slice(origin.length) : '';",
    replace: 'const file = new URL(SigningCertURL).pathname;',
    caughtBy: { file: 'test/api/sns.test.ts', title: 'before it fetches anything' },
  },
  {
    id: 'sns-signature-unchecked',
    what: 'an SNS message is believed though its signature is another’s',
    file: 'src/api/sns.ts',
    find: 'if (!isGenuine)',
    replace: 'if (isGenuine === undefined)',
    caughtBy: { file: 'test/api/sns.test.ts', title: 'and follows none of its links' },
  },
];
