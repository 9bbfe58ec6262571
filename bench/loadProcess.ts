import { randomUUID } from 'node:crypto';
import autocannon, { type Options, type Result } from 'autocannon';
import { serveJob } from './child.ts';
import { now } from './clock.ts';
import type { LoadJob, LoadResult } from './job.ts';

// Asks as fast as it is answered, over so many connections. In a process of its own, so that it measures the others.
serveJob<LoadJob, LoadResult>(async ({ url, token, body, paths, requests, connections }) => {
  let next = 0;
  const options: Options = {
    url,
    connections,
    amount: requests,
    requests: [
      {
        method: body === null ? 'GET' : 'POST',
        setupRequest: (request) => {
          next += 1;
          return {
            ...request,
            path: paths[next % paths.length] ?? '/',
            ...(body !== null && { body: body.replace('{id}', randomUUID()) }),
            headers: {
              authorization: `Bearer ${token}`,
              ...(body !== null && {
                'content-type': 'application/json',
                'idempotency-key': randomUUID(),
              }),
            },
          };
        },
      },
    ],
  };
  const beganAt = now();
  // The library's own duration ends with its next look at the clock, up to a second after the last answer.
  let answeredAt = beganAt;
  const result = await new Promise<Result>((resolve, reject) => {
    autocannon(options, (error: unknown, done) => (error ? reject(error) : resolve(done))).on(
      'response',
      () => (answeredAt = now()),
    );
  });
  const seconds = (answeredAt - beganAt) / 1_000;
  const answered = result['2xx'];
  if (answered !== requests) {
    throw new Error(`${url}: ${answered} of ${requests} answered well: ${JSON.stringify(result)}`);
  }
  return { seconds, p50: result.latency.p50, p99: result.latency.p99 };
});
