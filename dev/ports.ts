import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { UserError } from '../src/platform/errors.ts';

const HOST = '127.0.0.1';

/** All on 127.0.0.1. */
export interface StackPorts {
  readonly temporal: number;
  /** Null: no Web UI. */
  readonly temporalUi: number | null;
  readonly emulator: number;
  readonly provider: number;
  readonly issuer: number;
  readonly api: number;
  /** Takes the metrics of the processes, and shows them. */
  readonly metrics: number;
}

export const DEFAULT_PORTS: StackPorts = {
  temporal: 7233,
  temporalUi: 8233,
  emulator: 4566,
  provider: 12111,
  issuer: 12112,
  api: 8080,
  metrics: 9464,
};

/** What a base may be: from the first port that needs no privilege to the last with six others after it. */
export const FIRST_BASE = 1_024;
export const LAST_BASE = 65_529;

/** The ports of a stack beside another one: seven in a row. @param base - FIRST_BASE to LAST_BASE. */
export function portsFrom(base: number): StackPorts {
  return {
    temporal: base,
    temporalUi: base + 1,
    emulator: base + 2,
    provider: base + 3,
    issuer: base + 4,
    api: base + 5,
    metrics: base + 6,
  };
}

/** A port that a part of the stack is about to listen on. */
export interface PortClaim {
  readonly port: number;
  /** Who wants it: `Temporal`. */
  readonly name: string;
  /** What else to do than to free it: `or set TEMPORAL_ADDRESS to use what runs there`. */
  readonly alternative?: string;
}

/** @throws UserError naming every port that is taken, for whom it was meant, and what to do. */
export async function assertPortsFree(claims: readonly PortClaim[]): Promise<void> {
  const checks = claims.map(async (claim) => ((await isFree(claim.port)) ? [] : [claim]));
  const taken = (await Promise.all(checks)).flat();
  if (taken.length === 0) return;
  const ports = taken.map(({ port, name }) => `${HOST}:${port}, meant for ${name}, is taken`);
  const ways = taken.flatMap(({ alternative }) => alternative ?? []);
  throw new UserError(
    ports.join('; '),
    ['stop what listens there (an earlier run, perhaps)', ...ways].join(', '),
  );
}

/**
 * Where free ports are looked for: below those that systems give to outgoing connections (Linux from 32,768, others
 * from 49,152), any of which could take a port between now and the moment its server listens, or is started again.
 */
const FREE_FROM = 20_000;
const FREE_TO = 32_767;

/** The first of as many ports in a row as are asked for, all of them free a moment ago. */
export async function freePort(inARow = 1): Promise<number> {
  for (let attempt = 0; attempt < 1_000; attempt++) {
    const first = randomInt(FREE_FROM, FREE_TO - inARow + 2);
    const row = Array.from({ length: inARow }, (_, index) => isFree(first + index));
    if ((await Promise.all(row)).every(Boolean)) return first;
  }
  throw new Error(`no ${inARow} free ports in a row on ${HOST} from ${FREE_FROM} to ${FREE_TO}`);
}

/** Listens and lets go again. */
async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  server.listen({ port, host: HOST });
  try {
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false;
    throw error;
  }
  server.close();
  await once(server, 'close');
  return true;
}
