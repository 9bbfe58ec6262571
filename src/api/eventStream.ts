import { randomInt } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';

/** How much may wait for a reader that does not read, in bytes: a whole timeline several times over. */
const MOST_WAITING = 256 * 1024;
/** How long a stream that has ended may take to be read, in milliseconds. */
const LAST_READ = 2_000;
/** After how many milliseconds at least, and at most, a reader asks again whose stream has ended or broken. */
const RETRY = [2_000, 5_000] as const;

export interface ServerSentEvent {
  /** What a reader that comes again says it has seen. */
  readonly id: number;
  readonly event: string;
  /** Sent as JSON. */
  readonly data: unknown;
}

/** A body of server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html */
export class EventStream extends Readable {
  readonly #response: ServerResponse;
  #isOver = false;

  /** @param response - what this is to be the body of. */
  constructor(response: ServerResponse) {
    super();
    this.#response = response;
    // The first bytes let the answer's head go out, even where no event is due for long.
    // Not all at once, where all streams of a process end together.
    this.#write(`retry: ${randomInt(...RETRY)}\n\n`);
  }

  send({ id, event, data }: ServerSentEvent): void {
    this.#write(`id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  /** Says nothing, so that nobody on the way takes the connection for a dead one. */
  beat(): void {
    this.#write(':\n\n');
  }

  /** Ends the stream behind what was sent; who has not read that in time is cut. */
  finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.push(null);
    const late = setTimeout(() => this.#response.destroy(), LAST_READ);
    this.#response.once('close', () => clearTimeout(late));
  }

  /** Everything is pushed as it comes. */
  override _read(): void {}

  #write(text: string): void {
    if (this.#isOver || this.destroyed) return;
    this.push(text);
    // Whoever does not read is cut: it may come again and go on where it was.
    if (this.readableLength > MOST_WAITING) this.destroy();
  }
}
