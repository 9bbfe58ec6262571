import { diag, DiagLogLevel } from '@opentelemetry/api';
import type { ClientPlugin } from '@temporalio/client';
import type { Environment } from './config.ts';
import { UserError } from './errors.ts';
import type { Logger } from './logger.ts';
import type { SpanSink } from './telemetry.ts';

/** Where a process sends its traces and metrics. A signal that goes nowhere is null. */
export interface OtlpSettings {
  readonly traces: OtlpTarget | null;
  readonly metrics: MetricsTarget | null;
}

export interface OtlpTarget {
  /** The whole URL: `http://127.0.0.1:4318/v1/traces`. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Whether counters and histograms are exported as running totals, or as what has come since the last export. */
type Temporality = 'cumulative' | 'delta';

interface MetricsTarget extends OtlpTarget {
  readonly intervalMs: number;
  readonly temporality: Temporality;
}

/** What of a process's telemetry others need. */
export interface Telemetry {
  /** For a client of Temporal: they carry the trace on into the workflow. Empty where traces go nowhere. */
  readonly clientPlugins: ClientPlugin[];
  /** Where the spans of workflows go; null where traces go nowhere. */
  readonly spans: SpanSink | null;
  /** Where Temporal's own metrics go, and the resource that they are of; null where metrics go nowhere. */
  readonly coreMetrics: CoreMetrics | null;
  /**
   * Sends what is left. Resolves within a second, whether the collector takes it or not; what hangs by then may still
   * keep the process, but no longer than OTEL_EXPORTER_OTLP_TIMEOUT.
   */
  stop(): Promise<void>;
}

export interface CoreMetrics extends MetricsTarget {
  readonly resource: Readonly<Record<string, string>>;
}

const NONE: Telemetry = {
  clientPlugins: [],
  spans: null,
  coreMetrics: null,
  stop: async () => undefined,
};

/** OpenTelemetry's own default, in milliseconds. */
const DEFAULT_INTERVAL = 60_000;

/**
 * Sets up OpenTelemetry's SDK for this process, once, as the OTEL_* variables say; before all else, for what asks for a
 * meter earlier measures nothing. Where no endpoint is set, nothing is loaded and nothing exported.
 *
 * @param name - which process it is. The service is called `waybill-{name}`, unless OTEL_SERVICE_NAME says otherwise.
 * @throws UserError when a variable is wrong.
 */
export async function startTelemetry(
  name: string,
  logger: Logger,
  env: Environment = process.env,
): Promise<Telemetry> {
  const settings = readOtlp(env);
  if (settings.traces === null && settings.metrics === null) return NONE;
  // What the collector does not take is no fault of the service.
  const tell = (message: string, ...details: readonly unknown[]) =>
    logger.warn({ reason: [message, ...details].map(String).join(' ') }, NOT_TAKEN);
  diag.setLogger(
    { error: tell, warn: tell, info: ignore, debug: ignore, verbose: ignore },
    DiagLogLevel.WARN,
  );
  const { startSdk } = await import('./otlpSdk.ts');
  return startSdk(name, settings, (error) =>
    logger.warn({ reason: error instanceof Error ? error.message : String(error) }, NOT_TAKEN),
  );
}

const NOT_TAKEN = 'telemetry not taken';
const ignore = () => undefined;

/**
 * What OpenTelemetry's variables say about exporters
 * (https://opentelemetry.io/docs/specs/otel/protocol/exporter/). What they say about resource, sampling and batches
 * the SDK reads itself.
 *
 * @throws UserError naming the variable that is wrong, what was expected and what came; never the value of headers.
 */
export function readOtlp(env: Environment): OtlpSettings {
  if (textOf(env, 'OTEL_SDK_DISABLED')?.toLowerCase() === 'true') {
    return { traces: null, metrics: null };
  }
  const traces = readTarget(env, 'TRACES');
  const metrics = readTarget(env, 'METRICS');
  const how = { intervalMs: readInterval(env), temporality: readTemporality(env) };
  return { traces, metrics: metrics && { ...metrics, ...how } };
}

function readTarget(env: Environment, signal: 'TRACES' | 'METRICS'): OtlpTarget | null {
  const exporter = `OTEL_${signal}_EXPORTER`;
  const asked = textOf(env, exporter) ?? 'otlp';
  if (asked !== 'otlp' && asked !== 'none') throw wrong(exporter, 'otlp or none', asked);
  const general = 'OTEL_EXPORTER_OTLP';
  const own = `${general}_${signal}`;
  const url =
    readUrl(env, `${own}_ENDPOINT`, '') ??
    readUrl(env, `${general}_ENDPOINT`, `v1/${signal.toLowerCase()}`);
  if (url === null || asked === 'none') return null;
  for (const variable of [`${own}_PROTOCOL`, `${general}_PROTOCOL`]) {
    const protocol = textOf(env, variable);
    if (protocol === 'http/protobuf') break;
    if (protocol !== undefined) throw wrong(variable, 'http/protobuf', protocol);
  }
  const headers = {
    ...readHeaders(env, `${general}_HEADERS`),
    ...readHeaders(env, `${own}_HEADERS`),
  };
  return { url, headers };
}

/** @param path - what the URL lacks; the variables of one signal hold the whole. */
function readUrl(env: Environment, variable: string, path: string): string | null {
  const text = textOf(env, variable);
  if (text === undefined) return null;
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw wrong(variable, 'an http(s) URL, such as http://127.0.0.1:4318', text);
  }
  if (path !== '') url.pathname = `${url.pathname.replace(/\/$/, '')}/${path}`;
  return url.href;
}

/** `name=value` pairs, separated by commas, values as in a URL: OpenTelemetry's form. They may hold secrets. */
function readHeaders(env: Environment, variable: string): Record<string, string> {
  const pairs = (textOf(env, variable) ?? '').split(',').filter((pair) => pair.trim() !== '');
  return Object.fromEntries(
    pairs.map((pair) => {
      const [, name, value = ''] = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(pair) ?? [];
      try {
        if (name !== undefined) return [name, decodeURIComponent(value)];
      } catch {
        // Said below.
      }
      throw wrong(variable, 'name=value pairs, separated by commas', 'something else');
    }),
  );
}

function readInterval(env: Environment): number {
  const variable = 'OTEL_METRIC_EXPORT_INTERVAL';
  const text = textOf(env, variable);
  if (text === undefined) return DEFAULT_INTERVAL;
  const interval = /^\d+$/.test(text) ? Number(text) : 0;
  if (interval >= 1_000 && interval <= 3_600_000) return interval;
  throw wrong(variable, 'whole milliseconds, 1000 to 3600000', text);
}

/** Read by the SDK as well: what it exports and what Temporal's core does are to be alike. */
function readTemporality(env: Environment): Temporality {
  const variable = 'OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE';
  const text = textOf(env, variable)?.toLowerCase() ?? 'cumulative';
  if (text === 'cumulative' || text === 'delta') return text;
  throw wrong(variable, 'cumulative or delta', text);
}

function textOf(env: Environment, variable: string): string | undefined {
  return env[variable] === '' ? undefined : env[variable];
}

function wrong(variable: string, expected: string, received: string): UserError {
  return new UserError(
    `${variable}: expected ${expected}, received ${JSON.stringify(received)}`,
    'set it, or unset it: without OTEL_EXPORTER_OTLP_ENDPOINT nothing is exported',
  );
}
