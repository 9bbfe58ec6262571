import type { FastifyInstance } from 'fastify';
import { validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { EventBridgeEvent, isEventBridge, namesOf, PlainEvent } from './incomingEvent.ts';
import { EVENT_LIMIT, parse, takeOnly, Taken, type ParseJson } from './ingressBody.ts';
import type { Enqueue } from './ingressQueues.ts';
import { problems } from './operations.ts';

export interface EventDependencies {
  readonly enqueue: Enqueue;
  readonly parseJson: ParseJson;
}

/** Adds the operation that takes events as they are, and makes this scope one for them alone. */
export function addEventRoute(
  scope: FastifyInstance,
  { enqueue, parseJson }: EventDependencies,
): void {
  const texts = new WeakMap<object, string>();
  takeOnly(scope, 'application/json', 'string', (body: string, request) => {
    texts.set(request, body);
    return parse(parseJson, body);
  });
  const compile = (schema: z.ZodType) => validatorCompiler({ schema } as never);
  const [ofEventBridge, plain] = [compile(EventBridgeEvent), compile(PlainEvent)];
  scope.withTypeProvider<ZodTypeProvider>().post(
    '/ingress/events',
    {
      // An API destination's events all come from one caller; the queue takes what comes.
      config: { access: 'events:send', rateLimit: false },
      bodyLimit: EVENT_LIMIT,
      // What is wrong with a body is said of the form that it has, not of both.
      validatorCompiler: () => (body) => (isEventBridge(body) ? ofEventBridge : plain)(body),
      schema: {
        operationId: 'sendEvent',
        tags: ['ingress'],
        summary: 'Take an event',
        description:
          "An EventBridge event, as its API destinations send it, or one in the bridge's own form. It is put into a queue as it came: that of payments, or the one for all others.",
        body: z.union([EventBridgeEvent, PlainEvent]),
        response: { 200: Taken, ...problems() },
      },
    },
    async (request) => {
      const names = namesOf(request.body);
      const messageId = await enqueue(texts.get(request) ?? '', names);
      return { taken: true as const, eventId: names.eventId ?? messageId };
    },
  );
}
