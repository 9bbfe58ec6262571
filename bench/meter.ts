import type { Message, SQSClient } from '@aws-sdk/client-sqs';
import type { Connection, ConnectionOptions } from '@temporalio/client';
import type { Parent } from './child.ts';
import { now } from './clock.ts';
import { readData } from './events.ts';
import type { CarryJob, CarryResult, Latency } from './job.ts';

type Interceptor = NonNullable<ConnectionOptions['interceptors']>[number];

/** How often the memory is looked at, in milliseconds. */
const SAMPLE_EVERY = 250;
const MB = 1e6;

export interface Meter {
  /** Counts each call; goes innermost, so that repeats count too. */
  readonly interceptor: Interceptor;
  watchSqs(sqs: SQSClient): void;
  /** Notes the moments of starts, where the job asks for latencies. */
  watchStarts(connection: Connection): void;
  /** Ends the run. */
  readonly finish: () => void;
  /** When the run is over. */
  readonly finished: Promise<CarryResult>;
}

/** Measures a process that carries events, from the outside of what it runs. It is ready with its first receive. */
export function createMeter({ until, latency }: CarryJob, parent: Parent): Meter {
  const finished = Promise.withResolvers<CarryResult>();
  const awsCalls: Record<string, number> = {};
  const temporalCalls: Record<string, number> = {};
  const rss: number[] = [];
  const latencies: Latency[] = [];
  const received = new Map<string, { readonly at: number; readonly sentAt: number }>();
  let began: { readonly at: number; readonly cpu: NodeJS.CpuUsage } | undefined;
  let receiving = 0;
  let pollers = 0;
  let deleted = 0;

  function begin(): void {
    if (began) return;
    began = { at: now(), cpu: process.cpuUsage() };
    setInterval(() => rss.push(process.memoryUsage.rss() / MB), SAMPLE_EVERY).unref();
    if (until !== 'told' && 'seconds' in until) setTimeout(finish, until.seconds * 1_000);
    parent.ready();
  }

  function finish(): void {
    if (!began) return;
    finished.resolve({
      seconds: (now() - began.at) / 1_000,
      awsCalls: { ...awsCalls },
      temporalCalls: { ...temporalCalls },
      pollers,
      cpuSeconds: secondsOf(process.cpuUsage(began.cpu)),
      startCpuSeconds: secondsOf(began.cpu),
      peakRss: (process.resourceUsage().maxRSS * 1_024) / MB,
      rss: [...rss],
      latencies: [...latencies],
    });
  }

  function noteReceived(messages: readonly Message[]): void {
    const at = now();
    for (const { Body } of messages) {
      const { workflowId, sentAt } = readData(Body);
      received.set(workflowId, { at, sentAt });
    }
  }

  return {
    interceptor: (options, nextCall) => {
      if (began) add(temporalCalls, options.method_definition.path.split('/').at(-1));
      // What it passes on is all that the one before it asks of it.
      return nextCall(options) as ReturnType<Interceptor>;
    },

    watchSqs(sqs) {
      sqs.middlewareStack.add(
        (next, context) => async (args) => {
          const command = String(context.commandName).replace(/Command$/, '');
          const isReceive = command === 'ReceiveMessage';
          if (isReceive) begin();
          if (began) add(awsCalls, command);
          if (isReceive) pollers = Math.max(pollers, (receiving += 1));
          const answer = await next(args).finally(() => {
            if (isReceive) receiving -= 1;
          });
          const output = answer.output as {
            readonly Messages?: readonly Message[];
            readonly Successful?: readonly unknown[];
          };
          if (isReceive && latency) noteReceived(output.Messages ?? []);
          if (command === 'DeleteMessage') deleted += 1;
          if (command === 'DeleteMessageBatch') deleted += output.Successful?.length ?? 0;
          if (until === 'told') parent.progress(deleted);
          else if ('deleted' in until && deleted >= until.deleted) finish();
          return answer;
        },
        // Within the SDK's own repeats, around what reads the answer.
        { step: 'finalizeRequest', priority: 'low', name: 'benchMeter' },
      );
    },

    watchStarts({ workflowService: service }) {
      if (!latency) return;
      type Start = (request: { workflowId?: string | null }) => Promise<object>;
      const start = service.startWorkflowExecution.bind(service) as Start;
      const timed: Start = async (request) => {
        const calledAt = now();
        const answer = await start(request);
        const event = received.get(request.workflowId ?? '');
        if (!event) throw new Error(`${request.workflowId} was started, but never received`);
        latencies.push({ total: now() - event.sentAt, inside: calledAt - event.at });
        return answer;
      };
      Object.assign(service, { startWorkflowExecution: timed });
    },

    finish,
    finished: finished.promise,
  };
}

function add(counts: Record<string, number>, name = ''): void {
  counts[name] = (counts[name] ?? 0) + 1;
}

function secondsOf({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1e6;
}
