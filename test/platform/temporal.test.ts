import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '../../src/platform/errors.ts';
import { assertAnswers, connectTemporal } from '../../src/platform/temporal.ts';
import { connectWorker } from '../../src/platform/worker.ts';
import { selfSigned, type Certificate } from '../support/certificate.ts';
import { withEnvironment } from '../support/environment.ts';
import { GATE_NAME, startGate } from '../support/temporalGate.ts';

function pemOf({ privateKey }: Certificate): string {
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** How each process connects. */
const CONNECTS = {
  client: () => connectTemporal({ retries: true }),
  bridge: () => connectTemporal({ retries: false }),
  worker: () => connectWorker(),
} as const;

type Gate = Awaited<ReturnType<typeof startGate>>;

describe('a Temporal service behind TLS', function () {
  this.timeout(60_000);
  const ours = selfSigned('waybill.example');
  const others = selfSigned('other.example');
  let folder: string;
  let gate: Gate | undefined;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'waybill-tls-'));
  });
  afterEach(() => gate?.close());
  after(() => rm(folder, { recursive: true, force: true }));

  /** Writes them down, as those do who hand them to a process. */
  async function pathsOf(name: string, certificate: Certificate) {
    const paths = [join(folder, `${name}.pem`), join(folder, `${name}.key`)] as const;
    await writeFile(paths[0], certificate.pem);
    await writeFile(paths[1], pemOf(certificate));
    return { TEMPORAL_TLS_CLIENT_CERT_PATH: paths[0], TEMPORAL_TLS_CLIENT_KEY_PATH: paths[1] };
  }

  /** Connects with these variables and what makes the gate's own certificate known. */
  async function reach(
    who: keyof typeof CONNECTS,
    { address, certificate }: Gate,
    variables: Readonly<Record<string, string>>,
  ): Promise<void> {
    const caPath = join(folder, 'gate.pem');
    await writeFile(caPath, certificate);
    const tls = {
      TEMPORAL_ADDRESS: address,
      TEMPORAL_TLS_SERVER_CA_CERT_PATH: caPath,
      TEMPORAL_TLS_SERVER_NAME: GATE_NAME,
      TEMPORAL_CONFIG_FILE: join(import.meta.dirname, '../../dev/temporal.toml'),
    };
    await withEnvironment({ ...tls, ...variables }, async () => {
      const { connection } = await CONNECTS[who]();
      await assertAnswers(connection);
      await connection.close();
    });
  }

  for (const who of Object.keys(CONNECTS) as (keyof typeof CONNECTS)[]) {
    it(`lets the ${who} in by its client certificate, and by no other`, async () => {
      gate = await startGate({ clientCertificate: ours });
      await reach(who, gate, await pathsOf('ours', ours));
      await reach(who, gate, {
        TEMPORAL_TLS_CLIENT_CERT_DATA: ours.pem,
        TEMPORAL_TLS_CLIENT_KEY_DATA: pemOf(ours),
      });
      for (const wrong of [await pathsOf('others', others), {}]) {
        await assert.rejects(reach(who, gate, wrong), (error) => {
          assert.ok(error instanceof UserError, String(error));
          assert.match(error.message, /^Temporal cannot be reached at 127\.0\.0\.1:\d+: /);
          assert.doesNotMatch(error.message, /\n/);
          assert.match(error.hint, /TEMPORAL_TLS/);
          return true;
        });
      }
    });

    it(`lets the ${who} in by its API key, and by no other`, async () => {
      gate = await startGate({ apiKey: 'right' });
      await reach(who, gate, { TEMPORAL_API_KEY: 'right' });
      await assert.rejects(reach(who, gate, { TEMPORAL_API_KEY: 'wrong' }), (error) => {
        assert.ok(error instanceof UserError, String(error));
        assert.match(error.message, /^Temporal at 127\.0\.0\.1:\d+ refuses who asks: /);
        assert.doesNotMatch(error.message, /wrong|\n/);
        assert.match(error.hint, /TEMPORAL_API_KEY/);
        return true;
      });
    });
  }
});
