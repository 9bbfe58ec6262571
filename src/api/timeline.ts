import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { TimelineEntry } from '../contracts/timeline.ts';
import { isEnd } from '../domain/order.ts';
import { callerOf } from './access.ts';
import type { Caller } from './caller.ts';
import type { EventStream } from './eventStream.ts';
import { findOrder, type LookupDependencies } from './lookup.ts';
import { OpenStreams } from './openStreams.ts';
import { problems } from './operations.ts';
import { timelineFor } from './representations.ts';
import { OrderParams } from './requests.ts';
import { OrderWatch, type ReadRows, type WatchedRow } from './watch.ts';

export interface TimelineDependencies extends LookupDependencies {
  /** For all streams together, once a second while there are any. */
  readonly readRows: ReadRows;
}

const headers = z.object({
  'last-event-id': z
    .string()
    .regex(/^\d{1,9}$/, { error: 'Invalid header: expected a whole number of 1 to 9 digits' })
    .optional()
    .meta({ description: 'The last entry that was seen: the stream goes on behind it' }),
});

/** What is sent, for the framework; the document leaves it out. */
const Events: z.ZodType = z.string();

const DESCRIPTION = [
  "Server-sent events, one for each entry of the order's timeline: `id` is its number, `event` its kind, `data`",
  'the entry. They begin behind `Last-Event-ID`, else with the first entry that is kept (the last 100 are).',
  '`gap` stands for entries that were dropped before they could be sent, `end` for the end of the order: the',
  'stream closes, and whoever asks again gets a 204. A stream lives for an hour at most. Sellers get the states',
  'and events, without their reasons; customers and staff everything.',
].join(' ');

/** Adds the live timeline of an order. */
export async function addTimelineRoute(
  app: FastifyInstance,
  dependencies: TimelineDependencies,
): Promise<void> {
  const watch = new OrderWatch(dependencies.readRows, app.log);
  const streams = new OpenStreams();
  app.addHook('preClose', async () => streams.close());

  app.withTypeProvider<ZodTypeProvider>().get(
    '/orders/:id/events',
    {
      config: { access: 'orders:read' },
      exposeHeadRoute: false,
      schema: {
        operationId: 'followOrder',
        tags: ['orders'],
        summary: 'Follow an order',
        description: DESCRIPTION,
        params: OrderParams,
        headers,
        response: {
          200: {
            description: 'Server-sent events, as described above',
            content: { 'text/event-stream': { schema: Events } },
          },
          204: { description: 'The order has ended, and all of it was seen', content: {} },
          ...problems('order-not-found', 'not-ready'),
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const caller = callerOf(request);
      const row = await findOrder(dependencies, caller, id);
      const lastId = request.headers['last-event-id'];
      const timeline = new Follower(caller, lastId === undefined ? null : Number(lastId));
      if (lastId !== undefined && isEnd(row.state) && !timeline.hasNews(row)) {
        return await reply.status(204).send();
      }
      const stream = streams.open(caller, reply.raw);
      if (!timeline.tell(row, stream)) {
        const stop = watch.listen(row.workflowId, (now) => timeline.tell(now, stream));
        stream.once('close', stop);
      }
      return await reply
        .type('text/event-stream')
        // A connection that was kept for other requests would keep a process that is told to stop.
        .header('connection', 'close')
        .header('x-accel-buffering', 'no')
        .send(stream);
    },
  );
}

/** What one listener has seen of an order, and may see. */
class Follower {
  readonly #caller: Caller;
  /** The number of the last entry; null before the first. */
  #seen: number | null;

  constructor(caller: Caller, seen: number | null) {
    this.#caller = caller;
    this.#seen = seen;
  }

  hasNews(row: WatchedRow): boolean {
    return timelineFor(this.#caller, this.#newIn(row)).length > 0;
  }

  /** Sends what is new; true where nothing will come after it. */
  tell(row: WatchedRow, stream: EventStream): boolean {
    const entries = this.#newIn(row);
    const first = entries[0]?.n ?? 0;
    if (this.#seen !== null && first > this.#seen + 1) {
      const dropped = { from: this.#seen + 1, to: first - 1 };
      stream.send({ id: dropped.to, event: 'gap', data: dropped });
    }
    for (const entry of timelineFor(this.#caller, entries)) {
      stream.send({ id: entry.n, event: entry.kind, data: entry });
    }
    this.#seen = entries.at(-1)?.n ?? this.#seen;
    if (!isEnd(row.state)) return false;
    stream.send({ id: this.#seen ?? 0, event: 'end', data: { state: row.state } });
    stream.finish();
    return true;
  }

  #newIn({ timeline = [] }: WatchedRow): readonly TimelineEntry[] {
    const seen = this.#seen ?? 0;
    return (timeline.at(-1)?.n ?? 0) > seen ? timeline.filter(({ n }) => n > seen) : [];
  }
}
