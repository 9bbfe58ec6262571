import type { AwsConfig } from '../dev/deploy.ts';
import type { Load } from './events.ts';

/** Where a process of the bench finds its servers. */
export interface Endpoints {
  /** `host:port`. */
  readonly temporal: string;
  readonly aws: AwsConfig;
}

/** For the processes that carry events from a queue into workflows: the bridge and the naive one. */
export interface CarryJob extends Endpoints {
  readonly queueUrl: string;
  readonly load: Load;
  /** How many sqs-consumers the naive one runs; the bridge decides for itself. */
  readonly consumers: number;
  /**
   * When the run is over: once so many messages are deleted, so many seconds after the first receive, or when the parent
   * says so, who is told of each delete until then.
   */
  readonly until: { readonly deleted: number } | { readonly seconds: number } | 'told';
  /** Whether to note when each event came, was called for and was answered. */
  readonly latency: boolean;
}

/** Counted from the first receive to the run's end. */
export interface CarryResult {
  readonly seconds: number;
  /** By the command's name, each try. */
  readonly awsCalls: Readonly<Record<string, number>>;
  /** By the method's name, each try. */
  readonly temporalCalls: Readonly<Record<string, number>>;
  /** How many receives were under way at once, at the most. */
  readonly pollers: number;
  /** User and system. */
  readonly cpuSeconds: number;
  /** What it took to load and connect, before. */
  readonly startCpuSeconds: number;
  /** In MB (10^6 bytes). */
  readonly peakRss: number;
  /** Every 250 ms, in MB. */
  readonly rss: readonly number[];
  /** In milliseconds, in the order of the answers; empty unless asked for. */
  readonly latencies: readonly Latency[];
}

export interface Latency {
  /** From before the message is sent to the answer to its call. */
  readonly total: number;
  /** From the receive's answer to the call. */
  readonly inside: number;
}

/** For the loop of bare calls. */
export interface BareJob extends Endpoints {
  /** What a process beside it drains. */
  readonly queueUrl: string;
  readonly load: Load;
  /** Calls under way at once. */
  readonly concurrency: number;
}

export interface BareResult {
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** How many messages the process beside it had deleted when the loop ended. */
  readonly drained: number;
}

/** For the process that receives and deletes, and nothing else. */
export interface DrainJob {
  readonly aws: AwsConfig;
  readonly queueUrl: string;
  readonly messages: number;
}

/** For the process that sends. */
export interface FeedJob {
  readonly aws: AwsConfig;
  readonly queueUrl: string;
  readonly load: Load;
  /** Evenly, one by one; or as fast as it goes while fewer than so many are in the queue. */
  readonly pace: { readonly perSecond: number } | { readonly depthBelow: number };
}

/** For the worker of workflows that do nothing but take events. */
export interface InboxWorkerJob {
  /** `host:port`. */
  readonly temporal: string;
  readonly taskQueue: string;
  /** Whether it keeps workflows between their tasks; else it reads their whole history for each. */
  readonly keepsWorkflows: boolean;
}

/** For the process that asks an API. */
export interface LoadJob {
  /** The API's base URL. */
  readonly url: string;
  readonly token: string;
  /** JSON, with `{id}` where an ID of its own is to stand; null: it only reads. */
  readonly body: string | null;
  /** Asked in turn. */
  readonly paths: readonly string[];
  readonly requests: number;
  /** Requests under way at once. */
  readonly connections: number;
}

export interface LoadResult {
  readonly seconds: number;
  /** Milliseconds from request to answer. */
  readonly p50: number;
  readonly p99: number;
}
