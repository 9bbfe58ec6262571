import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { invalidRequest } from './problemAnswers.ts';
import { Problem } from './problems.ts';

/** As the API reads all bodies; throws an Error that says `{field}: {what was expected, what came}`. */
export type ParseJson = (text: string) => unknown;

export const Taken = z.object({
  taken: z.literal(true).meta({ description: 'The event is in its queue' }),
  eventId: z
    .string()
    .meta({ description: "The event's ID, else that of its message in the queue" }),
});
export const Answer = z.discriminatedUnion('taken', [
  Taken,
  z.object({
    taken: z.literal(false).meta({ description: 'There is nothing to do, or it is done' }),
    reason: z.string().meta({ description: 'A code' }),
  }),
]);

/**
 * The largest body of an event, in bytes: what SQS takes. Senders do not come again after a 413, and what SNS or
 * EventBridge took with 256 KiB is larger as JSON.
 */
export const EVENT_LIMIT = 1024 * 1024;

/** Who sends shows it by a signature, and may send as much as it has: it does not choose when. */
export const SIGNED = { access: 'public', rateLimit: false } as const;

/** Makes a scope take bodies of one content type, and read them so. */
export function takeOnly<Body extends string | Buffer>(
  scope: FastifyInstance,
  contentType: string,
  parseAs: Body extends string ? 'string' : 'buffer',
  read: (body: Body, request: object) => unknown,
): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser<Body>(
    contentType,
    { parseAs: parseAs as never },
    (request, body, done) => {
      try {
        done(null, read(body, request));
      } catch (error) {
        done(error as Error);
      }
    },
  );
  scope.addContentTypeParser('*', (request, _body, done) => {
    const detail = `expected ${contentType}, received ${request.headers['content-type'] ?? 'none'}`;
    done(
      new Problem('unsupported-media-type', `content-type: ${detail}`, {
        errors: [{ field: 'content-type', detail }],
      }),
    );
  });
}

/** Parses a body. Throws a Problem `invalid-request` where it cannot be. */
export function parse(parseJson: ParseJson, body: string): unknown {
  try {
    return parseJson(body);
  } catch (error) {
    throw invalidRequest((error as Error).message);
  }
}
