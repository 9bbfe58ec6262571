import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { namesWithin, type EventNames } from './incomingEvent.ts';
import { Answer, EVENT_LIMIT, parse, SIGNED, takeOnly, type ParseJson } from './ingressBody.ts';
import type { Enqueue } from './ingressQueues.ts';
import { publicProblems } from './operations.ts';
import { SnsMessage, SnsVerifier, type SnsOptions } from './sns.ts';

export interface SnsDependencies extends SnsOptions {
  readonly enqueue: Enqueue;
  readonly parseJson: ParseJson;
}

/** Adds the operation that takes messages of SNS, and makes this scope one for them alone. */
export function addSnsRoute(
  scope: FastifyInstance,
  { enqueue, parseJson, ...options }: SnsDependencies,
): void {
  const verifier = new SnsVerifier(options);
  takeOnly(scope, 'text/plain', 'string', (body: string) => parse(parseJson, body));
  scope.withTypeProvider<ZodTypeProvider>().post(
    '/ingress/sns',
    {
      config: SIGNED,
      bodyLimit: EVENT_LIMIT,
      schema: {
        operationId: 'receiveSnsMessage',
        tags: ['ingress'],
        summary: "Take a message of an SNS topic's HTTP subscription",
        description:
          'A subscription to a topic of ours is confirmed; a notification is put into the queue that the event in it belongs into. One that comes twice is put there twice: whoever takes the event tells them apart by its ID.',
        consumes: ['text/plain'],
        body: SnsMessage,
        response: { 200: Answer, ...publicProblems('signature-invalid', 'not-ready') },
      },
    },
    async (request) => {
      const message = request.body;
      await verifier.prove(message);
      switch (message.Type) {
        case 'SubscriptionConfirmation':
          await verifier.confirm(message);
          request.log.info({ topic: message.TopicArn }, 'subscription confirmed');
          return { taken: false as const, reason: 'subscription-confirmed' };
        case 'UnsubscribeConfirmation':
          request.log.warn({ topic: message.TopicArn }, 'subscription ended');
          return { taken: false as const, reason: 'subscription-ended' };
        case 'Notification': {
          const names = namesInMessage(message, parseJson);
          // Not as it came: whatever else stood there was not signed, and would be read.
          await enqueue(JSON.stringify(message), names);
          return { taken: true as const, eventId: names?.eventId ?? message.MessageId };
        }
      }
    },
  );
}

/** Of the event in a notification; null where it is none that is known, which the bridge has to say. */
function namesInMessage(
  { Message, MessageId }: Extract<SnsMessage, { Type: 'Notification' }>,
  parseJson: ParseJson,
): EventNames | null {
  let content: unknown;
  try {
    content = parseJson(Message);
  } catch {
    return null;
  }
  const names = namesWithin(content);
  return names && { ...names, eventId: names.eventId ?? MessageId };
}
