import path from 'node:path';
import { type Outputs, synthesise } from '../infra/app.ts';
import type { Environment } from '../src/platform/config.ts';
import { createAuditQueue } from './auditQueue.ts';
import { type AwsConfig, deploy } from './deploy.ts';
import { createReceiver } from './otlp/receiver.ts';
import { awaitEmulator, startEmulator } from './emulator.ts';
import {
  type Addresses,
  addressesThrough,
  AUDIENCE,
  awsOf,
  outputsAt,
  stackEnvironment,
} from './environment.ts';
import { assertPortsFree, type PortClaim, type StackPorts } from './ports.ts';
import { type Process, startProcess } from './process.ts';
import { runSetup } from './setup.ts';
import { awaitTemporal, startTemporal } from './temporal.ts';
import { findTools, type Tools } from './tools.ts';

export interface StackOptions {
  /** What a stop leaves for the next start, and the logs: made if absent. */
  readonly stateDir: string;
  /** Where tools are installed, shared by all stacks: `.waybill/tools`. */
  readonly toolsDir: string;
  readonly ports: StackPorts;
  /** Where worker, bridge and api find the servers, where something stands in between; by default where they are. */
  readonly through?: Partial<Pick<StackPorts, 'temporal' | 'emulator' | 'provider'>>;
  /** The surroundings: PATH, and TEMPORAL_CLI, TEMPORAL_ADDRESS, AWS_ENDPOINT_URL where set. */
  readonly env: Environment;
  /** What worker, bridge and api get on top, such as WAYBILL_ORDER_POLICY; awaited while the servers start. */
  readonly settings?: Environment | Promise<Environment>;
  /** Told what takes long, before it does. */
  readonly onProgress: (message: string) => void;
  /** Told of each part as it becomes ready, with the milliseconds that its start took. */
  readonly onReady: (part: PartName | 'resources', took: number) => void;
}

/** What the stack's queues, tables, topic and bus are called. */
export type StackOutputs = Outputs & {
  /** Gets every notification; only the local stack has it. */
  readonly AuditQueueUrl: string;
};

/** Those that run processes of this repository. */
type AppName = 'worker' | 'bridge' | 'api';
type PartName = 'temporal' | 'emulator' | 'provider' | 'issuer' | AppName;

export interface Stack {
  readonly outputs: StackOutputs;
  /** What worker, bridge and api have got, but for what stands in between: for tools that look at this stack. */
  readonly env: Environment;
  readonly urls: {
    readonly api: string;
    readonly provider: string;
    /** Where tokens for the API are to be had. */
    readonly issuer: string;
    readonly aws: string;
    /** The metrics of worker, bridge and api, as Prometheus text. */
    readonly metrics: string;
    /** Null: no Web UI, or somebody else's. */
    readonly temporalUi: string | null;
  };
  /**
   * The process of this name, to be killed and started again in fault runs. The emulator writes its state at a
   * clean stop only: `stop` it, never `kill` it.
   *
   * @throws Error when somebody else runs it.
   */
  part(name: PartName): Process;
  /** Stops all, those first who use others, within 10 s; what has not ended by then is killed. Repeatable. */
  stop(): Promise<void>;
}

/**
 * Who is stopped after whom, and by when, in milliseconds since the stop began. What those before did not need
 * is for those after: the emulator takes 3 s, and what it has not written by its end is lost.
 */
const STOP_ORDER: readonly { readonly parts: readonly PartName[]; readonly by: number }[] = [
  { parts: ['bridge', 'api'], by: 3_000 },
  { parts: ['worker'], by: 6_000 },
  { parts: ['provider', 'issuer', 'temporal', 'emulator'], by: 9_500 },
];
/** What a process waits for what is in flight: less than it is given above. */
const GRACE_SECONDS = '2';

const PROJECT = path.resolve(import.meta.dirname, '..');

/**
 * Starts the whole service on this machine: servers and resources first, then worker, bridge and api. Parts
 * that do not need each other start at the same time. What has started is stopped when another part fails.
 *
 * @throws UserError when a tool is missing, a port is taken, or a part does not start.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { env, ports, onReady } = options;
  const settings = Promise.resolve(options.settings);
  // It is awaited below; until then its failure must not end the process.
  settings.catch(() => undefined);
  const tools = await findTools({ ...options, installDir: options.toolsDir });
  await assertPortsFree(portClaims(tools, ports));

  const parts = new Map<PartName, Process>();
  // Metrics are few: no process of its own takes them.
  const receiver = createReceiver();
  const stop = async () => {
    await stopInOrder(parts);
    await receiver.close();
  };
  const start = async (name: PartName, starting: Promise<Process | void>): Promise<void> => {
    const began = performance.now();
    const child = await starting;
    if (child) parts.set(name, child);
    onReady(name, performance.now() - began);
  };
  const logFile = (name: PartName) => path.resolve(options.stateDir, 'logs', `${name}.log`);

  try {
    const temporal = env['TEMPORAL_ADDRESS'] || `127.0.0.1:${ports.temporal}`;
    const aws = awsOf(env, env['AWS_ENDPOINT_URL'] || `http://127.0.0.1:${ports.emulator}`);
    const provider = `http://127.0.0.1:${ports.provider}`;
    const issuer = `http://127.0.0.1:${ports.issuer}`;
    const metrics = `http://127.0.0.1:${ports.metrics}`;
    const deployed = start('emulator', runEmulator(options, tools, aws, logFile('emulator'))).then(
      async () => {
        const began = performance.now();
        const outputs = await deployResources(aws);
        onReady('resources', performance.now() - began);
        return outputs;
      },
    );
    await allStarted([
      deployed,
      settings,
      start('temporal', runTemporal(options, tools, temporal, logFile('temporal'))),
      start('provider', runProvider(options, logFile('provider'))),
      start('issuer', runIssuer(options, logFile('issuer'))),
      receiver.listen({ host: '127.0.0.1', port: ports.metrics }),
    ]);

    const outputs = await deployed;
    const addresses: Addresses = {
      temporal,
      aws,
      provider,
      issuer,
      metrics,
      apiPort: ports.api,
    };
    const ownSettings = { WAYBILL_GRACE_SECONDS: GRACE_SECONDS, ...(await settings) };
    const toolEnv = { ...stackEnvironment(env, addresses, outputs), ...ownSettings };
    const through = addressesThrough(addresses, options.through);
    const appEnv = {
      ...stackEnvironment(env, through, outputsAt(outputs, through.aws.endpoint)),
      ...ownSettings,
    };
    await allStarted([
      runSetup(toolEnv),
      ...(['worker', 'bridge', 'api'] as const).map((name) =>
        start(name, runApp(name, appEnv, ports, logFile(name))),
      ),
    ]);

    const ui = tools.temporal && ports.temporalUi;
    return {
      outputs,
      env: toolEnv,
      urls: {
        api: `http://127.0.0.1:${ports.api}`,
        provider,
        issuer,
        aws: aws.endpoint,
        metrics: `${metrics}/metrics`,
        temporalUi: ui === null ? null : `http://127.0.0.1:${ui}`,
      },
      part(name) {
        const child = parts.get(name);
        if (!child) throw new Error(`${name} is run by somebody else`);
        return child;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function portClaims(tools: Tools, ports: StackPorts): PortClaim[] {
  const claims: PortClaim[] = [
    { port: ports.provider, name: "the payment provider's sandbox" },
    { port: ports.issuer, name: 'the issuer of tokens' },
    { port: ports.api, name: 'the orders API' },
    { port: ports.metrics, name: 'the metrics' },
  ];
  if (tools.ministack) {
    const alternative = 'or set AWS_ENDPOINT_URL to use an emulator that runs';
    claims.push({ port: ports.emulator, name: 'the AWS emulator', alternative });
  }
  if (tools.temporal) {
    const alternative = 'or set TEMPORAL_ADDRESS to use a Temporal service that runs';
    claims.push({ port: ports.temporal, name: 'Temporal', alternative });
    if (ports.temporalUi !== null)
      claims.push({ port: ports.temporalUi, name: "Temporal's Web UI" });
  }
  return claims;
}

async function runTemporal(
  { stateDir, ports }: StackOptions,
  { temporal: command }: Tools,
  address: string,
  logFile: string,
): Promise<Process | void> {
  if (!command) return awaitTemporal(address);
  return startTemporal({
    command,
    port: ports.temporal,
    ...(ports.temporalUi === null ? {} : { uiPort: ports.temporalUi }),
    databaseFile: path.resolve(stateDir, 'temporal.db'),
    logFile,
  });
}

async function runEmulator(
  { stateDir, ports }: StackOptions,
  { ministack: command }: Tools,
  { endpoint }: AwsConfig,
  logFile: string,
): Promise<Process | void> {
  if (!command) return awaitEmulator(endpoint);
  const emulatorState = path.resolve(stateDir, 'aws');
  return startEmulator({ command, port: ports.emulator, stateDir: emulatorState, logFile });
}

async function deployResources(aws: AwsConfig): Promise<StackOutputs> {
  const outputs = await deploy(aws, synthesise());
  return { ...outputs, AuditQueueUrl: await createAuditQueue(aws, outputs.NotificationsTopicArn) };
}

function runProvider({ stateDir, ports, env }: StackOptions, logFile: string): Promise<Process> {
  return startProcess({
    name: 'provider',
    file: process.execPath,
    args: ['dev/provider.ts'],
    env: {
      ...env,
      PROVIDER_HOST: '127.0.0.1',
      PROVIDER_PORT: String(ports.provider),
      PROVIDER_LEDGER: path.resolve(stateDir, 'provider.jsonl'),
    },
    cwd: PROJECT,
    logFile,
    ready: saysReady,
  });
}

function runIssuer({ stateDir, ports, env }: StackOptions, logFile: string): Promise<Process> {
  return startProcess({
    name: 'issuer',
    file: process.execPath,
    args: ['dev/issuer.ts'],
    env: {
      ...env,
      ISSUER_PORT: String(ports.issuer),
      ISSUER_KEY: path.resolve(stateDir, 'issuer.json'),
      ISSUER_AUDIENCE: AUDIENCE,
    },
    cwd: PROJECT,
    logFile,
    ready: saysReady,
  });
}

function runApp(name: AppName, env: Environment, { api }: StackPorts, logFile: string) {
  return startProcess({
    name,
    file: process.execPath,
    args: ['src/cli/main.ts', name],
    env,
    cwd: PROJECT,
    logFile,
    ready: name === 'api' ? () => isHealthy(`http://127.0.0.1:${api}/readyz`) : saysReady,
  });
}

function saysReady(output: string): boolean {
  return output.includes('"msg":"ready"');
}

async function isHealthy(url: string): Promise<boolean> {
  return (await fetch(url, { signal: AbortSignal.timeout(1_000) })).ok;
}

/** Throws the first failure, but only when all have ended: nothing starts behind the back of a stop. */
async function allStarted(starting: readonly Promise<unknown>[]): Promise<void> {
  await Promise.allSettled(starting);
  await Promise.all(starting);
}

async function stopInOrder(parts: ReadonlyMap<PartName, Process>): Promise<void> {
  const began = performance.now();
  for (const { parts: names, by } of STOP_ORDER) {
    const within = by - (performance.now() - began);
    await Promise.all(names.map(async (name) => parts.get(name)?.stop({ within })));
  }
}
