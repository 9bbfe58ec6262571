import { openKey } from './issuer/key.ts';
import { createIssuer } from './issuer/server.ts';

// The local stack's issuer of tokens as a process of its own, on 127.0.0.1: `node dev/issuer.ts`.
//
//   ISSUER_PORT       default 12112; 0 takes a free one, which the ready line names
//   ISSUER_KEY        the file that holds its key, default .waybill/issuer.json
//   ISSUER_AUDIENCE   what its tokens are meant for, default waybill

const port = Number(process.env['ISSUER_PORT'] ?? 12_112);
const file = process.env['ISSUER_KEY'] ?? '.waybill/issuer.json';

const log = (level: 'info' | 'error', msg: string, fields: object = {}): void =>
  console.log(JSON.stringify({ level, time: new Date().toISOString(), msg, ...fields }));

try {
  let address = '';
  const issuer = createIssuer({
    key: await openKey(file),
    audience: process.env['ISSUER_AUDIENCE'] ?? 'waybill',
    url: () => address,
  });
  address = await issuer.listen({ host: '127.0.0.1', port });
  const stop = async (): Promise<void> => {
    await issuer.close();
    process.exit(0);
  };
  process.once('SIGTERM', () => void stop());
  process.once('SIGINT', () => void stop());
  log('info', 'ready', { address });
} catch (error) {
  log('error', error instanceof Error ? error.message : String(error), { port });
  process.exitCode = 1;
}
