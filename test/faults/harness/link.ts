import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { Transform } from 'node:stream';

export interface LinkOptions {
  /** Of the server on 127.0.0.1 that it leads to. */
  readonly target: number;
  /** From 0 up to, not including, 1: decides which requests arrive twice. */
  readonly random: () => number;
}

/** A TCP proxy that can fail. */
export interface Link {
  readonly port: number;
  /** Breaks every connection. @returns how many there were. */
  reset(): number;
  /** Breaks every connection, and each that somebody opens, until `mend`. @returns how many there were. */
  cut(): number;
  /** From now on each piece takes so many milliseconds, in both directions. */
  delay(by: number): void;
  /** From now on half of the HTTP requests arrive twice. */
  repeat(): void;
  /** Ends all of that. */
  mend(): void;
  /** How many requests have arrived twice. */
  readonly repeated: number;
  close(): Promise<void>;
}

/** What is longer than this is not repeated, in bytes. */
const LONGEST_REPEATED = 1_048_576;
const SHARE_REPEATED = 0.5;
/** How long the answer to a repeated request is waited for, in milliseconds. */
const REPEAT_WITHIN = 10_000;
/** A poll that is repeated takes messages for nobody: they would be hidden for half a minute each time. */
const NEVER_REPEATED = /x-amz-target: *AmazonSQS\.ReceiveMessage\r\n/i;

/** Opens a proxy on a free port of 127.0.0.1. */
export async function openLink({ target, random }: LinkOptions): Promise<Link> {
  const sockets = new Set<Socket>();
  let isCut = false;
  let delayBy = 0;
  let isRepeating = false;
  let repeated = 0;

  const server = createServer({ allowHalfOpen: true }, (caller) => {
    if (isCut) {
      caller.on('error', () => undefined);
      breakOff(caller);
      return;
    }
    const callee = connect({ port: target, host: '127.0.0.1', allowHalfOpen: true });
    const requests = createRequests();
    for (const [socket, other] of [
      [caller, callee],
      [callee, caller],
    ] as const) {
      socket.setNoDelay(true);
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      // What breaks on one side breaks on the other.
      socket.on('error', () => breakOff(other));
      socket.once('close', () => other.destroySoon());
    }
    const slowed = (onPiece: (piece: Buffer) => void) =>
      new Transform({
        transform(piece: Buffer, _, done) {
          onPiece(piece);
          if (delayBy === 0) done(null, piece);
          else setTimeout(done, delayBy, null, piece);
        },
      });
    caller.pipe(slowed((piece) => requests.asked(piece))).pipe(callee);
    callee
      .pipe(
        slowed(() => {
          const request = requests.answered();
          if (!request || !isRepeating || random() >= SHARE_REPEATED) return;
          repeated += 1;
          send(target, request);
        }),
      )
      .pipe(caller);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  const reset = (): number => {
    const open = [...sockets];
    for (const socket of open) breakOff(socket);
    return open.length / 2;
  };
  return {
    port: (server.address() as AddressInfo).port,
    reset,
    cut() {
      isCut = true;
      return reset();
    },
    delay: (by) => void (delayBy = by),
    repeat: () => void (isRepeating = true),
    mend() {
      isCut = false;
      delayBy = 0;
      isRepeating = false;
    },
    get repeated() {
      return repeated;
    },
    async close() {
      server.close();
      reset();
      await once(server, 'close');
    },
  };
}

/**
 * Breaks a connection by RST, as one does whose process died. One that is being ended is closed instead: Node 24 keeps
 * a reset one's pending shutdown for ever, and spins at its own end until that is done.
 */
function breakOff(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

/**
 * Keeps what a connection asks until it is answered. HTTP/1.1 without pipelining has one request under way at a time:
 * what comes before an answer begins is one whole request.
 */
function createRequests() {
  let pieces: Buffer[] = [];
  let length = 0;
  return {
    asked(piece: Buffer): void {
      length += piece.length;
      if (length <= LONGEST_REPEATED) pieces.push(piece);
    },
    /** The request that is being answered, at the first piece of its answer. */
    answered(): Buffer | undefined {
      if (length === 0) return undefined;
      const request = length <= LONGEST_REPEATED ? Buffer.concat(pieces) : undefined;
      pieces = [];
      length = 0;
      const head = request?.subarray(0, 8_192).toString('latin1') ?? '';
      return NEVER_REPEATED.test(head) ? undefined : request;
    },
  };
}

/** Sends a request once more, on a connection of its own. Nobody reads its answer. */
function send(port: number, request: Buffer): void {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.setTimeout(REPEAT_WITHIN, () => socket.destroy());
  socket.on('error', () => undefined);
  socket.once('data', () => socket.destroy());
  socket.write(request);
}
