import type { FastifyInstance } from 'fastify';
import { validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import Stripe from 'stripe';
import { z } from 'zod';
import { Answer, EVENT_LIMIT, SIGNED, takeOnly } from './ingressBody.ts';
import type { Enqueue } from './ingressQueues.ts';
import { publicProblems } from './operations.ts';
import { invalidRequest } from './problemAnswers.ts';
import { Problem } from './problems.ts';
import { translateStripeEvent } from './stripeEvents.ts';

export interface StripeDependencies {
  readonly enqueue: Enqueue;
  /** By which Stripe signs its webhooks. */
  readonly secret: string;
}

/** How old a signature may be, in seconds. */
const TOLERANCE = 300;

/** Adds the operation that takes Stripe's webhooks, and makes this scope one for them alone. */
export function addStripeRoute(
  scope: FastifyInstance,
  { enqueue, secret }: StripeDependencies,
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
          'A payment that succeeded or failed, of an order of ours, is put into the queue of payments. Everything else is acknowledged, and left.',
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
      const translation = translateStripeEvent(event);
      if (!translation.event) return { taken: false as const, reason: translation.reason };
      const { source, eventId } = translation.event;
      const names = { source, eventId, orderKey: translation.orderKey };
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
