import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { amountsDisputed, closeDispute, openDispute } from './disputes.ts';
import { invalidParameter } from './errors.ts';
import { FaultRequest, type Faults } from './faults.ts';
import { authenticateIntent, expireIntent } from './intents.ts';
import type { Ledger } from './ledger.ts';
import { CLOSED_STATUSES, type IntentStatus, type PaymentIntent } from './objects.ts';

const intentId = z.string().min(1);
const Forgetting = z.strictObject({ orderKey: z.string().min(1).optional() });
const Authentication = z.strictObject({ intentId, outcome: z.enum(['succeeded', 'failed']) });
const Expiration = z.strictObject({ intentId });
const Opening = z.strictObject({
  intentId,
  amount: z.int().min(1),
  /** The bank's; see https://docs.stripe.com/disputes/categories. */
  reason: z
    .string()
    .regex(/^[a-z_]{1,40}$/)
    .default('fraudulent'),
  /** Whether the bank only asks, and takes no money. */
  isInquiry: z.boolean().default(false),
});
const Closing = z.strictObject({ status: z.enum(CLOSED_STATUSES) });

/**
 * Adds what is not Stripe's: what customers, banks and time do, and the provider's failing on request. Bodies are JSON;
 * one that cannot be is refused with 400, and `param` names the field.
 *
 * - `POST /sandbox/faults`, see `FaultRequest`; `GET` answers those not met yet, `DELETE` ends all
 * - `POST /sandbox/keys/forget` `{ orderKey? }`
 * - `POST /sandbox/authentications` `{ intentId, outcome }`: the customer succeeds at 3-D Secure, or fails
 * - `POST /sandbox/expirations` `{ intentId }`: what is authorised expires
 * - `POST /sandbox/disputes` `{ intentId, amount, reason?, isInquiry? }`, and `POST /sandbox/disputes/{id}/close`
 *   `{ status }`
 */
export function addSandbox(server: FastifyInstance, ledger: Ledger, faults: Faults): void {
  const change = (intent: PaymentIntent): PaymentIntent => {
    ledger.append({ objects: [intent], answer: null });
    return intent;
  };
  const intentIn = (id: string, expected: IntentStatus): PaymentIntent => {
    const intent = ledger.intents.get(id);
    if (intent?.status === expected) return intent;
    throw unfit('intentId', `an intent that is ${expected}`, intent?.status ?? 'no intent');
  };

  server.post('/sandbox/faults', ({ body }) => {
    const fault = read(FaultRequest, body);
    faults.add(fault);
    return fault;
  });
  server.get('/sandbox/faults', () => ({ pending: faults.pending() }));
  server.delete('/sandbox/faults', () => {
    faults.clear();
    return { pending: [] };
  });

  server.post('/sandbox/keys/forget', ({ body }) => {
    const { orderKey = null } = read(Forgetting, body);
    ledger.forgetKeys(orderKey);
    return { kept: ledger.answers.size };
  });

  server.post('/sandbox/authentications', ({ body }) => {
    const asked = read(Authentication, body);
    const intent = intentIn(asked.intentId, 'requires_action');
    return change(authenticateIntent(intent, asked.outcome === 'succeeded'));
  });

  server.post('/sandbox/expirations', ({ body }) =>
    change(expireIntent(intentIn(read(Expiration, body).intentId, 'requires_capture'))),
  );

  server.post('/sandbox/disputes', ({ body }) => {
    const asked = read(Opening, body);
    const intent = intentIn(asked.intentId, 'succeeded');
    const { disputed, lost } = amountsDisputed(intent, ledger.disputes.values());
    const most = intent.amount_received - disputed - lost;
    if (asked.amount > most) throw unfit('amount', `at most ${most}`, asked.amount);
    const dispute = openDispute(intent, asked);
    ledger.append({ objects: [dispute], answer: null });
    return dispute;
  });
  server.post<{ Params: { id: string } }>('/sandbox/disputes/:id/close', ({ params, body }) => {
    const { status } = read(Closing, body);
    const dispute = ledger.disputes.get(params.id);
    if (!dispute?.status.endsWith('needs_response')) {
      throw unfit('id', 'a dispute that is open', dispute?.status ?? 'no dispute');
    }
    const isInquiry = dispute.status.startsWith('warning');
    if (isInquiry !== (status === 'warning_closed')) {
      const expected = isInquiry ? 'warning_closed of an inquiry' : 'won or lost of a chargeback';
      throw unfit('status', expected, status);
    }
    const closed = closeDispute(dispute, status);
    ledger.append({ objects: [closed], answer: null });
    return closed;
  });
}

/** @throws ProviderError naming the first field that is wrong */
function read<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
  const field = [...(issue?.path ?? []), ...unknown].join('.') || 'body';
  throw invalidParameter(field, `${field}: ${issue?.message ?? 'invalid'}`);
}

function unfit(field: string, expected: string, received: string | number) {
  return invalidParameter(field, `${field}: expected ${expected}, received ${received}`);
}
