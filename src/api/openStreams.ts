import type { ServerResponse } from 'node:http';
import type { Caller } from './caller.ts';
import { EventStream } from './eventStream.ts';
import { Problem } from './problems.ts';

/** How many streams a process carries, and how many of them may be one customer's or one seller's. */
const MOST = 2_000;
const MOST_OF_CALLER = 20;
/** How often an idle stream shows that it lives, in milliseconds. */
const HEARTBEAT = 15_000;
/** How long a stream lives, in milliseconds: whoever comes again shows a token that is valid then. */
const LIFETIME = 3_600_000;
/** After how many seconds one who found too many may ask again. */
const RETRY_AFTER = 30;

/** The streams that a process has open: it keeps them alive, bounds them, and ends them. */
export class OpenStreams {
  readonly #streams = new Map<EventStream, { readonly caller: string; readonly until: number }>();
  #beating: NodeJS.Timeout | undefined;
  #isClosed = false;

  /**
   * Opens one, as the body of a response.
   *
   * @throws Problem `not-ready` where the process has too many or stops, `too-many-requests` where the caller has: staff may have
   * any number.
   */
  open({ name, role }: Caller, response: ServerResponse): EventStream {
    if (this.#isClosed) {
      throw new Problem('not-ready', 'this process stops', { retryAfterSeconds: 1 });
    }
    if (this.#streams.size >= MOST) {
      throw new Problem('not-ready', `there are ${MOST} streams already, as many as may be`, {
        retryAfterSeconds: RETRY_AFTER,
      });
    }
    const own = [...this.#streams.values()].filter(({ caller }) => caller === name).length;
    if (role !== 'staff' && own >= MOST_OF_CALLER) {
      const detail = `expected at most ${MOST_OF_CALLER} streams of one caller, ${name} has ${own}`;
      throw new Problem('too-many-requests', detail, { retryAfterSeconds: RETRY_AFTER });
    }
    const stream = new EventStream(response);
    this.#streams.set(stream, { caller: name, until: Date.now() + LIFETIME });
    this.#beating ??= setInterval(() => this.#beat(), HEARTBEAT);
    stream.once('close', () => this.#forget(stream));
    return stream;
  }

  /** Ends all, and opens no more. */
  close(): void {
    this.#isClosed = true;
    for (const stream of this.#streams.keys()) stream.finish();
  }

  #beat(): void {
    for (const [stream, { until }] of this.#streams) {
      if (Date.now() < until) stream.beat();
      else stream.finish();
    }
  }

  #forget(stream: EventStream): void {
    this.#streams.delete(stream);
    if (this.#streams.size > 0) return;
    clearInterval(this.#beating);
    this.#beating = undefined;
  }
}
