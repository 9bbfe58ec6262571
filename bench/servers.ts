import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startEmulator } from '../dev/emulator.ts';
import { freePort } from '../dev/ports.ts';
import type { Process } from '../dev/process.ts';
import { startTemporal } from '../dev/temporal.ts';
import { findTools } from '../dev/tools.ts';
import type { Endpoints } from './job.ts';

const TOOLS = path.resolve(import.meta.dirname, '../.waybill/tools');

export interface Servers {
  readonly endpoints: Endpoints;
  stop(): Promise<void>;
}

/** Starts a fresh Temporal dev server, in memory, and a fresh AWS emulator, whatever else runs. */
export async function startServers(onProgress: (message: string) => void): Promise<Servers> {
  const env = { ...process.env };
  // With these, none would be looked for.
  delete env['TEMPORAL_ADDRESS'];
  delete env['AWS_ENDPOINT_URL'];
  const { temporal, ministack } = await findTools({ env, installDir: TOOLS, onProgress });
  if (!temporal || !ministack) throw new Error('no Temporal dev server, or no AWS emulator');
  const folder = mkdtempSync(path.join(tmpdir(), 'waybill-bench-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  // Whatever ends this process.
  process.once('exit', remove);
  const running: Process[] = [];
  const stop = async () => {
    await Promise.all(running.map((server) => server.stop()));
    process.off('exit', remove);
    remove();
  };
  try {
    const temporalPort = await freePort();
    running.push(
      await startTemporal({
        command: temporal,
        port: temporalPort,
        logFile: path.join(folder, 'temporal.log'),
      }),
    );
    const awsPort = await freePort();
    running.push(
      await startEmulator({
        command: ministack,
        port: awsPort,
        logFile: path.join(folder, 'emulator.log'),
      }),
    );
    return {
      endpoints: {
        temporal: `127.0.0.1:${temporalPort}`,
        aws: {
          endpoint: `http://127.0.0.1:${awsPort}`,
          region: 'us-east-1',
          credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
        },
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
