import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { awsAccount, temporalAddress, uniqueId } from '../support/servers.ts';
import { PROJECT, waybill as run, type Environment, type Ran } from './waybill.ts';

/** Nobody listens there. */
const NOBODY = '127.0.0.1:1';

const waybill = (args: string, env: Environment) => run(args.split(' '), env);

/** Holds a command to have ended with what was tried in one line, and what to set in the next. */
function assertSays({ code, stderr }: Ran, tried: RegExp, toSet: RegExp): void {
  assert.equal(code, 2, stderr);
  const [, first = '', second = ''] = /^waybill: (.+)\n {2}(.+)\n$/.exec(stderr) ?? [];
  assert.match(first, tried, stderr);
  assert.match(second, toSet, stderr);
}

/** Everything a process wants, though nobody is there. */
const COMPLETE = {
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  TEMPORAL_CONFIG_FILE: join(PROJECT, 'dev/temporal.toml'),
  TEMPORAL_ADDRESS: NOBODY,
  AWS_ENDPOINT_URL: `http://${NOBODY}`,
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: '000000000000',
  AWS_SECRET_ACCESS_KEY: 'aws-secret',
  WAYBILL_ORDERS_TABLE: 'orders',
  WAYBILL_SELLERS_TABLE: 'sellers',
  WAYBILL_STOCK_TABLE: 'stock',
  WAYBILL_PAYMENTS_TABLE: 'payments',
  WAYBILL_RETURNS_TABLE: 'returns',
  WAYBILL_KEYS_TABLE: 'keys',
  WAYBILL_BACK_ORDERS_TABLE: 'back-orders',
  WAYBILL_NOTIFICATIONS_TOPIC_ARN: 'arn:aws:sns:us-east-1:000000000000:order-notifications',
  WAYBILL_EVENT_BUS_NAME: 'waybill',
  WAYBILL_QUEUE_URLS: `http://${NOBODY}/000000000000/orders`,
  WAYBILL_STRIPE_API_KEY: 'sk_live_stripe-secret',
  WAYBILL_STRIPE_BASE_URL: `http://${NOBODY}`,
  WAYBILL_SCREENING_URL: `http://${NOBODY}/screening`,
  WAYBILL_CARRIER_URL: `http://${NOBODY}/carrier`,
  WAYBILL_SUPPLIER_URL: `http://${NOBODY}/supplier`,
  WAYBILL_PAYMENTS_QUEUE_URL: `http://${NOBODY}/000000000000/payments.fifo`,
  WAYBILL_INGRESS_QUEUE_URL: `http://${NOBODY}/000000000000/orders`,
  WAYBILL_OIDC_ISSUER: `http://${NOBODY}`,
  WAYBILL_OIDC_AUDIENCE: 'waybill',
  WAYBILL_OIDC_JWKS_URL: `http://${NOBODY}/jwks.json`,
} satisfies Environment;

const PROCESSES = ['worker', 'bridge', 'api'] as const;

describe('a command that cannot do its work', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'waybill-cli-'));
  });
  after(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  it('names every variable that is missing', async () => {
    const missing = {
      worker:
        /ORDERS_TABLE: .*STOCK_TABLE: .*PAYMENTS_TABLE: .*NOTIFICATIONS_TOPIC_ARN: .*STRIPE_API_KEY: /,
      bridge: /WAYBILL_QUEUE_URLS: expected URLs of SQS queues, .*received nothing/,
      api: /WAYBILL_ORDERS_TABLE: expected a name .*received nothing/,
      'orders audit': /ORDERS_TABLE: .*QUEUE_URLS: .*STRIPE_API_KEY: /,
      'orders list': /ORDERS_TABLE: .*SELLERS_TABLE: .*RETURNS_TABLE: /,
      'orders show web:1': /ORDERS_TABLE: /,
      'orders reproject web:1': /ORDERS_TABLE: /,
    };
    await Promise.all(
      Object.entries(missing).map(async ([command, names]) => {
        assertSays(await waybill(command, {}), names, /set these variables.*waybill config/);
      }),
    );
  });

  it('says that Temporal is not there, and what to set', async () => {
    await Promise.all(
      [
        ...PROCESSES,
        'orders audit',
        'orders cancel web:1 --reason late',
        'orders resume web:1',
        'replay --query true',
      ].map(async (command) => {
        const tried = /^Temporal cannot be reached at 127\.0\.0\.1:1: /;
        assertSays(await waybill(command, COMPLETE), tried, /set TEMPORAL_ADDRESS/);
      }),
    );
  });

  it('says that AWS is not there, and what to set', async () => {
    const env = { ...COMPLETE, TEMPORAL_ADDRESS: temporalAddress() };
    await Promise.all(
      [...PROCESSES, 'orders list', 'orders show web:1'].map(async (command) => {
        const tried = /^AWS cannot be reached: .*ECONNREFUSED 127\.0\.0\.1:1/;
        assertSays(await waybill(command, env), tried, /AWS_ENDPOINT_URL/);
      }),
    );
  });

  it('says that AWS wants a region, and which table is not there', async () => {
    const { endpoint, credentials } = awsAccount();
    const there = {
      ...COMPLETE,
      TEMPORAL_ADDRESS: temporalAddress(),
      AWS_ENDPOINT_URL: endpoint,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    };
    const { AWS_REGION: _, ...nowhere } = there;
    const [region, table] = await Promise.all([waybill('api', nowhere), waybill('api', there)]);
    assertSays(region, /no region/, /AWS_REGION/);
    assertSays(table, /no table orders/, /WAYBILL_\*_TABLE/);
  });

  it('says which queue is not there', async () => {
    const { endpoint, credentials } = awsAccount();
    const env = {
      ...COMPLETE,
      TEMPORAL_ADDRESS: temporalAddress(),
      AWS_ENDPOINT_URL: endpoint,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      WAYBILL_QUEUE_URLS: `${endpoint}/000000000000/nowhere`,
    };
    assertSays(
      await waybill('bridge', env),
      /^queue nowhere: expected it to be there/,
      /QUEUE_URLS/,
    );
  });

  it('says which port is taken', async () => {
    const account = awsAccount();
    const dynamo = new DynamoDBClient(account);
    const TableName = uniqueId('orders');
    await dynamo.send(
      new CreateTableCommand({
        TableName,
        BillingMode: 'PAY_PER_REQUEST',
        KeySchema: [{ AttributeName: 'orderKey', KeyType: 'HASH' }],
        AttributeDefinitions: [{ AttributeName: 'orderKey', AttributeType: 'S' }],
      }),
    );
    dynamo.destroy();
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as AddressInfo;
    const answer = await waybill('api', {
      ...COMPLETE,
      TEMPORAL_ADDRESS: temporalAddress(),
      AWS_ENDPOINT_URL: account.endpoint,
      AWS_ACCESS_KEY_ID: account.credentials.accessKeyId,
      WAYBILL_ORDERS_TABLE: TableName,
      WAYBILL_SELLERS_TABLE: TableName,
      WAYBILL_RETURNS_TABLE: TableName,
      WAYBILL_KEYS_TABLE: TableName,
      WAYBILL_API_PORT: String(port),
    });
    taken.close();
    const tried = new RegExp(`cannot listen on 127\\.0\\.0\\.1:${port}: EADDRINUSE`);
    assertSays(answer, tried, /WAYBILL_API_PORT/);
  });

  it('says what a port base must be', async () => {
    for (const base of ['1023', '65531', '-1', '8e3', 'x']) {
      const answer = await waybill(`dev --exit --port-base=${base}`, COMPLETE);
      assertSays(
        answer,
        /^--port-base: expected a port of 1024 to 65529, received "/,
        /seven ports/,
      );
    }
  });

  it('says that it wants a folder or a query of histories, not both', async () => {
    for (const args of ['replay', 'replay test/replay --query true']) {
      assertSays(await waybill(args, COMPLETE), /what is to be replayed/, /folder, or --query/);
    }
  });

  it('says which file of evidence is missing, before it asks anybody', async () => {
    const answer = await waybill('orders audit --sent /no/such/file', COMPLETE);
    assertSays(answer, /\/no\/such\/file/, /--sent, --log and --notifications/);
  });

  it('says what is wrong with a folder of histories', async () => {
    await writeFile(join(folder, 'broken.json'), '{\n"events": 1\n}');
    const empty = await mkdtemp(join(folder, 'empty-'));
    const cases = [
      [empty, /no histories \(\*\.json\) in .*empty/],
      [join(folder, 'absent'), /absent cannot be read: ENOENT/],
      [folder, /broken\.json is not a history: /],
    ] as const;
    await Promise.all(
      cases.map(async ([path, tried]) => {
        assertSays(await waybill(`replay ${path}`, {}), tried, /temporal workflow show/);
      }),
    );
  });

  it('shows where an error came from when it is asked to, wherever it is asked', async () => {
    for (const args of ['--stack-trace bridge', 'bridge --stack-trace']) {
      const { code, stderr } = await waybill(args, {});
      assert.equal(code, 2);
      assert.match(stderr, /^waybill: bridge cannot start.*\n {2}set these/);
      assert.match(stderr, /UserError: bridge cannot start[^]*\n {4}at .*config\.ts/);
    }
  });
});

describe('waybill config', () => {
  it('shows what is in force, and no secret', async () => {
    const { code, stdout, stderr } = await waybill('config', {
      ...COMPLETE,
      AWS_ENDPOINT_URL: 'http://user:url-secret@127.0.0.1:1',
      AWS_SESSION_TOKEN: 'session-secret',
      TEMPORAL_API_KEY: 'temporal-secret',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318',
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=otlp-secret',
    });
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stdout, /secret/);
    assert.match(stdout, /^WAYBILL_STRIPE_API_KEY=\*+ {2}\(environment\)$/m);
    assert.match(stdout, /^WAYBILL_ORDERS_TABLE=orders {2}\(environment\)$/m);
    assert.match(stdout, /^WAYBILL_API_PORT=8080 {2}\(default\)$/m);
    assert.match(stdout, /^TEMPORAL_API_KEY=\*+ /m);
    assert.match(stdout, /^OTEL_EXPORTER_OTLP_ENDPOINT=http:\/\/127\.0\.0\.1:4318 /m);
    assert.match(stdout, /^OTEL_EXPORTER_OTLP_HEADERS=\*+ /m);
    assert.match(stdout, /^AWS_ACCESS_KEY_ID=000000000000 /m);
  });

  it('exits 1 with what is wrong, and what it must be', async () => {
    const { code, stdout } = await waybill('config', { WAYBILL_API_PORT: 'eighty' });
    assert.equal(code, 1);
    assert.match(
      stdout,
      /^WAYBILL_API_PORT=eighty .*expected a port, 0 \(any free one\) to 65535/m,
    );
  });
});

describe('waybill --help', () => {
  it('has examples and exit codes for every command about orders', async () => {
    const commands = ['list', 'show', 'cancel', 'resume', 'reproject'];
    await Promise.all(
      commands.map(async (command) => {
        const { code, stdout } = await waybill(`orders ${command} --help`, {});
        assert.equal(code, 0);
        assert.match(stdout, /^ {2}--json /m);
        assert.match(stdout, /\nExit code: 0 .*\b2\b[^]*\nExamples:\n {2}\$ waybill orders /);
      }),
    );
  });

  it('tells each option of an audit', async () => {
    const { code, stdout } = await waybill('orders audit --help', {});
    assert.equal(code, 0);
    for (const option of ['--sent', '--log', '--notifications', '--support-queue', '--json']) {
      assert.match(stdout, new RegExp(`^  ${option} `, 'm'));
    }
  });

  it('is shown for a command that is not there, with exit 2', async () => {
    const { code, stderr } = await waybill('eat', {});
    assert.equal(code, 2);
    assert.match(stderr, /unknown command 'eat'/);
  });
});

describe('what a process loads', () => {
  const TOOLS = ['explain', 'doctor', 'parked', 'redrive'];
  const ORDERS = ['ordersList', 'ordersShow', 'ordersCommands', 'ordersReproject'];

  /** Whether the native core of Temporal's worker is loaded with a command's code, and all it imports. */
  async function loadsCore(command: string): Promise<boolean> {
    const program = `
      await import(${JSON.stringify(join(PROJECT, `src/cli/${command}.ts`))});
      console.log(JSON.stringify(process.report.getReport().sharedObjects));
      process.exit();
    `;
    const stdout = await new Promise<string>((resolve, reject) => {
      execFile(
        process.execPath,
        ['--input-type=module', '--eval', program],
        { maxBuffer: 1e7 },
        (error, out) => (error ? reject(error) : resolve(out)),
      );
    });
    const shared = JSON.parse(stdout) as readonly string[];
    assert.ok(shared.length > 0);
    return shared.some((path) => path.includes('@temporalio/core-bridge'));
  }

  it('is the native core in the worker alone', async () => {
    const commands = ['worker', 'bridge', 'api', 'audit', 'config', ...TOOLS, ...ORDERS];
    const loads = await Promise.all(commands.map(loadsCore));
    assert.deepEqual(loads, [true, ...commands.slice(1).map(() => false)]);
  });

  it("is nothing of OpenTelemetry's SDK in bridge and api, where nothing is exported", async () => {
    const program = `
      import { registerHooks } from 'node:module';
      const loaded = [];
      registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
      for (const command of ['bridge', 'api']) {
        await import(${JSON.stringify(join(PROJECT, 'src/cli/'))} + command + '.ts');
      }
      console.log(JSON.stringify(loaded));
      process.exit();
    `;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '--eval', program],
      { maxBuffer: 1e7 },
    );
    const loaded = JSON.parse(stdout) as readonly string[];
    assert.ok(loaded.some((url) => url.includes('/@opentelemetry/api/')));
    const ofSdk = /\/@opentelemetry\/(sdk|exporter|otlp|resources)/;
    assert.deepEqual(
      loaded.filter((url) => ofSdk.test(url)),
      [],
    );
  });
});
