import type { FastifyInstance } from 'fastify';
import type { Fetch } from './boundedFetch.ts';
import { addEventRoute } from './eventRoute.ts';
import type { ParseJson } from './ingressBody.ts';
import type { Enqueue } from './ingressQueues.ts';
import { addSnsRoute } from './snsRoute.ts';
import type { RetrieveIntent } from './stripeEvents.ts';
import { addStripeRoute } from './stripeRoute.ts';

export interface IngressDependencies {
  readonly ingress: {
    readonly enqueue: Enqueue;
    /** By which Stripe signs its webhooks; without it there is no operation that takes them. */
    readonly stripeWebhookSecret: string | undefined;
    /** A dispute does not say whose payment it is of. */
    readonly retrieveIntent: RetrieveIntent;
    /** The topics whose messages are taken by HTTP. */
    readonly snsTopicArns: readonly string[];
    /** For the certificates of SNS, and for what confirms a subscription. */
    readonly fetch: Fetch;
  };
  readonly parseJson: ParseJson;
}

/** Adds what events come in by that cannot reach a queue by themselves. They are put into one, and no more. */
export async function addIngressRoutes(
  app: FastifyInstance,
  { ingress, parseJson }: IngressDependencies,
): Promise<void> {
  const { enqueue, stripeWebhookSecret: secret, snsTopicArns: topicArns } = ingress;
  const { fetch, retrieveIntent } = ingress;
  // Each in a scope of its own: no other operation takes the bodies that it takes.
  if (secret !== undefined) {
    await app.register(async (scope) => addStripeRoute(scope, { enqueue, secret, retrieveIntent }));
  }
  await app.register(async (scope) => addEventRoute(scope, { enqueue, parseJson }));
  await app.register(async (scope) => addSnsRoute(scope, { enqueue, parseJson, topicArns, fetch }));
}
