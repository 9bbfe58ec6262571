import type { FastifyInstance } from 'fastify';
import { validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import Stripe from 'stripe';
import { z } from 'zod';
import { Answer, EVENT_LIMIT, SIGNED, takeOnly } from './ingressBody.ts';
import type { Enqueue } from './ingressQueues.ts';
import { publicProblems } from './operations.ts';
import { invalidRequest } from './problemAnswers.ts';
import { Problem } from './problems.ts';
import { type RetrieveIntent, translateStripeEvent } from './stripeEvents.ts';

export interface StripeDependencies {
  readonly enqueue: Enqueue;
  /** By which Stripe signs its webhooks. */
  readonly secret: string;
  /** Asked for the intents of disputes alone. An error of Stripe's with status 404 says that there is none. */
  readonly retrieveIntent: RetrieveIntent;
}

/** How old a signature may be, in seconds. */
const TOLERANCE = 300;

/** How long a look-up may take, in milliseconds: Stripe waits for the answer, and sends again what got none. */
const DEADLINE = 2_000;
const RETRY_AFTER = 5;

/** Adds the operation that takes Stripe's webhooks, and makes this scope one for them alone. */
export function addStripeRoute(
  scope: FastifyInstance,
  { enqueue, secret, retrieveIntent }: StripeDependencies,
): void {
  takeOnly(scope, 'application/json', 'buffer', (body: Buffer) => body);
  scope.withTypeProvider<ZodTypeProvider>().post(
    '/ingress/stripe',
    {
      config: SIGNED,
      bodyLimit: EVENT_LIMIT,
      // The signature is over the bytes as they came, and goes before all else.
      validatorCompiler: (part) =>
        part.httpPart === 'body' ? (value) => ({ value }) : validatorCompiler(part as never),
      schema: {
        operationId: 'receiveStripeEvent',
        tags: ['ingress'],
        summary: "Take an event of Stripe's webhook",
        description:
          'A payment that was authorised, succeeded or failed, and a dispute that was opened or closed, of an order of ours, is put into the queue of payments. Everything else is acknowledged, and left.',
        headers: z.object({
          'stripe-signature': z
            .string()
            .meta({ description: `Of the body; at most ${TOLERANCE} seconds old` }),
        }),
        body: z.looseObject({}).meta({ description: 'An event, as Stripe sends it' }),
        response: { 200: Answer, ...publicProblems('signature-invalid', 'not-ready') },
      },
    },
    async (request) => {
      const event = readStripeEvent(
        request.body as unknown as Buffer | undefined,
        request.headers['stripe-signature'],
        secret,
      );
      const translation = await translateStripeEvent(event, (id) => lookUp(retrieveIntent, id));
      if (!translation.event) return { taken: false as const, reason: translation.reason };
      const { source, eventId } = translation.event;
      const names = { source, eventId, orderKey: translation.orderKey, sellerId: null };
      await enqueue(JSON.stringify(translation.event), names);
      return { taken: true as const, eventId };
    },
  );
}

function readStripeEvent(
  body: Buffer | undefined,
  signature: string,
  secret: string,
): Stripe.Event {
  try {
    return Stripe.webhooks.constructEvent(body ?? Buffer.alloc(0), signature, secret, TOLERANCE);
  } catch (cause) {
    if (!(cause instanceof Stripe.errors.StripeSignatureVerificationError)) {
      throw invalidRequest(`body: expected an event, received ${body?.length ?? 0} bytes`);
    }
    const detail = 'expected a signature of this body that is not too old';
    throw new Problem('signature-invalid', `stripe-signature: ${detail}`, {
      errors: [{ field: 'stripe-signature', detail }],
      cause,
    });
  }
}

/** @throws Problem when it is not known in time */
async function lookUp(retrieveIntent: RetrieveIntent, id: string): ReturnType<RetrieveIntent> {
  const deadline = AbortSignal.timeout(DEADLINE);
  const late = new Promise<never>((_, reject) => {
    deadline.addEventListener('abort', () => reject(deadline.reason as Error));
  });
  try {
    return await Promise.race([retrieveIntent(id), late]);
  } catch (cause) {
    if (cause instanceof Stripe.errors.StripeError && cause.statusCode === 404) return null;
    throw new Problem('not-ready', 'whose payment it is could not be looked up: send it again', {
      cause,
      retryAfterSeconds: RETRY_AFTER,
    });
  }
}
