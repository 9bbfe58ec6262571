import { gunzipSync } from 'node:zlib';
import { fastify, type FastifyInstance } from 'fastify';
import { readMetrics, readSpans, type ReceivedSpan } from './messages.ts';
import { createPage } from './prometheus.ts';

/** The largest message taken, packed or unpacked, in bytes. */
const BODY_LIMIT = 16 * 1024 * 1024;

/**
 * A collector of OpenTelemetry's as far as one machine needs it: takes traces and metrics by OTLP/HTTP in protobuf, and
 * shows the metrics at `/metrics` as Prometheus reads them. Not yet listening.
 *
 * @param onSpans - told of spans; by default they are dropped.
 */
export function createReceiver(
  onSpans: (spans: readonly ReceivedSpan[]) => void = () => undefined,
): FastifyInstance {
  const server = fastify({ bodyLimit: BODY_LIMIT, forceCloseConnections: true });
  const page = createPage();

  server.addContentTypeParser<Buffer>(
    'application/x-protobuf',
    { parseAs: 'buffer' },
    ({ headers }, body, done) => {
      try {
        const isPacked = headers['content-encoding'] === 'gzip';
        done(null, isPacked ? gunzipSync(body, { maxOutputLength: BODY_LIMIT }) : body);
      } catch (error) {
        done(error as Error);
      }
    },
  );

  server.post<{ readonly Body: Buffer }>('/v1/traces', ({ body }, reply) => {
    onSpans(readSpans(body));
    return reply.type('application/x-protobuf').send(TAKEN);
  });

  server.post<{ readonly Body: Buffer }>('/v1/metrics', ({ body }, reply) => {
    for (const metrics of readMetrics(body)) page.take(metrics);
    return reply.type('application/x-protobuf').send(TAKEN);
  });

  server.get('/metrics', (_request, reply) =>
    reply.type('text/plain; version=0.0.4; charset=utf-8').send(page.text()),
  );

  return server;
}

/** That all was taken is said by an empty message. */
const TAKEN = Buffer.alloc(0);
