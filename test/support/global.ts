import { DefaultLogger, makeTelemetryFilterString, Runtime } from '@temporalio/worker';
import { startServers } from './servers.ts';

let stopServers: (() => Promise<void>) | undefined;

/** Mocha's: once before the first test. `WAYBILL_TEST_SERVERS=off` leaves the servers out, for pure tests. */
export async function mochaGlobalSetup(): Promise<void> {
  if (process.env['WAYBILL_TEST_SERVERS'] === 'off') return;
  // Mocha sees to SIGINT alone; the servers go with whatever ends this process by `exit`.
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));
  // The SDK tells of every change of a worker's state: a test's output should tell of tests.
  Runtime.install({
    logger: new DefaultLogger('ERROR'),
    telemetryOptions: {
      logging: { forward: {}, filter: makeTelemetryFilterString({ core: 'ERROR' }) },
    },
  });
  stopServers = await startServers();
}

/** Mocha's: once after the last test. */
export async function mochaGlobalTeardown(): Promise<void> {
  await stopServers?.();
  // Without a worker in the run it would keep the process.
  if (process.env['WAYBILL_TEST_SERVERS'] !== 'off') await Runtime.instance().shutdown();
}
