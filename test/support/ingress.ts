import type { FastifyInstance } from 'fastify';
import type { EventNames } from '../../src/api/incomingEvent.ts';
import type { IngressDependencies } from '../../src/api/ingress.ts';
import type { Enqueue } from '../../src/api/ingressQueues.ts';
import { createProbe } from './probe.ts';

export const STRIPE_SECRET = 'whsec_test';

/** Keeps what would be put into a queue. */
export function fakeQueues() {
  const sent: { readonly body: string; readonly names: EventNames | null }[] = [];
  const enqueue: Enqueue = async (body, names) => {
    sent.push({ body, names });
    return `message-${sent.length}`;
  };
  return { sent, enqueue };
}

/** The API with nothing behind it but queues. Whoever has a token may send events. */
export async function createIngress(
  ingress: Pick<IngressDependencies['ingress'], 'enqueue'> &
    Partial<IngressDependencies['ingress']>,
): Promise<FastifyInstance> {
  return await createProbe({
    authenticate: async (authorization) => ({
      name: 'staff:ana',
      role: 'staff',
      scopes: new Set(authorization === undefined ? [] : ['events:send', 'orders:read']),
    }),
    ingress: {
      stripeWebhookSecret: STRIPE_SECRET,
      retrieveIntent: async (id) => {
        throw new Error(`${id} is not to be looked up`);
      },
      snsTopicArns: [],
      fetch: async (url) => {
        throw new Error(`${url} is not to be fetched`);
      },
      ...ingress,
    },
  });
}
