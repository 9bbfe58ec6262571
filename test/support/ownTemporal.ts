import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import assert from 'node:assert/strict';
import { freePort } from '../../dev/ports.ts';
import type { Process } from '../../dev/process.ts';
import { startTemporal } from '../../dev/temporal.ts';
import { findTools } from '../../dev/tools.ts';

/** A Temporal dev server of a test's own, to be killed and started again: it keeps what it had. */
export interface OwnTemporal {
  readonly address: string;
  readonly server: Process;
  readonly stop: () => Promise<void>;
}

export async function startOwnTemporal(): Promise<OwnTemporal> {
  const folder = await mkdtemp(join(tmpdir(), 'waybill-temporal-'));
  const { TEMPORAL_ADDRESS: _, ...env } = process.env;
  const tools = await findTools({
    env,
    installDir: join(import.meta.dirname, '../../.waybill/tools'),
    onProgress: (message) => console.error(message),
  });
  assert.ok(tools.temporal);
  const port = await freePort();
  const server = await startTemporal({
    command: tools.temporal,
    port,
    databaseFile: join(folder, 'temporal.db'),
    logFile: join(folder, 'temporal.log'),
  });
  return {
    address: `127.0.0.1:${port}`,
    server,
    async stop() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
