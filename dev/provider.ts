import { openLedger } from './provider/ledger.ts';
import { createProvider } from './provider/server.ts';

// The payment provider's sandbox as a process of its own: `node dev/provider.ts`.
//
//   PROVIDER_PORT    default 12111; 0 takes a free one, which the ready line names
//   PROVIDER_HOST    default 127.0.0.1
//   PROVIDER_LEDGER  the file that holds all of its state, default .waybill/provider.jsonl

const host = process.env['PROVIDER_HOST'] ?? '127.0.0.1';
const port = Number(process.env['PROVIDER_PORT'] ?? 12_111);
const file = process.env['PROVIDER_LEDGER'] ?? '.waybill/provider.jsonl';

const log = (level: 'info' | 'error', msg: string, fields: object = {}): void =>
  console.log(JSON.stringify({ level, time: new Date().toISOString(), msg, ...fields }));

try {
  const ledger = openLedger(file);
  const provider = createProvider(ledger, (met) => log('info', 'fault met', met));
  const address = await provider.listen({ host, port });
  const stop = async (): Promise<void> => {
    await provider.close();
    ledger.close();
    process.exit(0);
  };
  process.once('SIGTERM', () => void stop());
  process.once('SIGINT', () => void stop());
  log('info', 'ready', { address, ledger: file });
} catch (error) {
  log('error', error instanceof Error ? error.message : String(error), { host, port });
  process.exitCode = 1;
}
