import type { Message, SQSClient } from '@aws-sdk/client-sqs';
import type { Queue } from '../bridges/queue.ts';
import { discard } from '../console/discard.ts';
import { explainableOf, summarise } from '../console/explain.ts';
import { isMeant, readParked, type ParkedFilter, type ParkedMessage } from '../console/parked.ts';
import { countMessages, peekQueue } from '../console/queues.ts';
import { redrive } from '../console/redrive.ts';
import type { SweepOptions, Swept } from '../console/sweep.ts';
import { UserError } from '../platform/errors.ts';
import { createSqs } from '../platform/sqs.ts';
import { explainOnline } from './explain.ts';
import { startProgress } from './progress.ts';
import { describeQueues } from './queues.ts';
import { loadReading, type LoadRoutes } from './routes.ts';

interface SweepCommandOptions {
  readonly all?: true;
  readonly dryRun?: true;
  readonly json?: true;
}

export interface RedriveCommandOptions extends SweepCommandOptions {
  readonly routes?: string;
  /** Messages a second. */
  readonly rate: number;
}

export interface DiscardCommandOptions extends SweepCommandOptions {
  readonly save: string;
}

/** How many matching messages a preview looks at. */
const SAMPLE = 200;

/** Prints what would become of parked messages, and sends them to their queues again; exit 1 if some had to stay. */
export async function runRedrive(
  queueUrls: readonly string[],
  filter: ParkedFilter,
  options: RedriveCommandOptions,
  ownRoutes: LoadRoutes | undefined,
): Promise<void> {
  assertMeant('redrive', filter, options);
  const reading = await loadReading(options.routes, ownRoutes);
  await runSweep(queueUrls, filter, options, {
    done: 'redriven',
    foresee: async (messages) =>
      summarise(await explainOnline(messages.map(explainableOf), reading)),
    carryOut: (sweep) => redrive({ ...sweep, rate: options.rate }),
  });
}

/** Prints what would be deleted, saves it and deletes it; exit 1 if some had to stay. */
export async function runDiscard(
  queueUrls: readonly string[],
  filter: ParkedFilter,
  options: DiscardCommandOptions,
): Promise<void> {
  assertMeant('discard', filter, options);
  await runSweep(queueUrls, filter, options, {
    done: 'discarded',
    foresee: (messages) => Promise.resolve(countCodes(messages)),
    carryOut: (sweep) => discard({ ...sweep, saveTo: options.save }).catch(explainFile),
  });
}

function assertMeant(what: string, filter: ParkedFilter, { all }: SweepCommandOptions): void {
  const isFiltered = Object.keys(filter).length > 0;
  if (isFiltered === (all === true)) {
    throw new UserError(
      isFiltered
        ? `--all and a filter contradict each other`
        : `${what} acts on everything that is parked only when it is told to`,
      'give --code, --route, --workflow or --older-than, or else --all',
    );
  }
}

interface SweepCommand {
  /** `redriven`. */
  readonly done: string;
  /** What would become of messages, in lines. */
  readonly foresee: (messages: readonly Message[]) => Promise<readonly string[]>;
  readonly carryOut: (options: Omit<SweepOptions, 'act' | 'isBack'>) => Promise<Swept>;
}

async function runSweep(
  queueUrls: readonly string[],
  filter: ParkedFilter,
  { dryRun, json }: SweepCommandOptions,
  { done, foresee, carryOut }: SweepCommand,
): Promise<void> {
  const sqs = createSqs();
  const queues = await describeQueues(sqs, queueUrls);
  const now = Date.now();
  const meant = (parked: ParkedMessage) => isMeant(filter, parked, now);
  for (const queue of queues) {
    const preview = await lookAhead(sqs, queue, meant, foresee);
    console.log(
      json ? JSON.stringify({ queue: queue.name, preview }) : describePreview(queue, preview),
    );
  }
  if (dryRun) return;
  for (const queue of queues) {
    const total = await countMessages(sqs, queue.deadLetterUrl);
    const silent = json === true;
    const progress = await startProgress({ label: `${queue.name}: ${done}`, total, silent });
    const swept = await carryOut({
      sqs,
      queue,
      isMeant: meant,
      onProgress: (count) => progress.set(count),
      onWait: () => console.error(`${queue.name}: waiting for messages that others have in flight`),
    }).finally(() => progress.stop());
    console.log(
      json
        ? JSON.stringify({ queue: queue.name, [done]: swept })
        : describeSwept(queue, swept, done),
    );
    if (swept.failed.length > 0 || swept.unseen > 0) process.exitCode = 1;
  }
}

interface Preview {
  /** How many of the messages that were looked at are meant. */
  readonly matching: number;
  /** Whether there are more, which were not looked at. */
  readonly isSample: boolean;
  /** About how many messages the dead-letter queue holds. */
  readonly parked: number;
  readonly foreseen: readonly string[];
}

async function lookAhead(
  sqs: SQSClient,
  queue: Queue,
  meant: (parked: ParkedMessage) => boolean,
  foresee: SweepCommand['foresee'],
): Promise<Preview> {
  const matching: Message[] = [];
  let looked = 0;
  const seen = await peekQueue(sqs, queue.deadLetterUrl, {
    enough(messages) {
      matching.push(...messages.slice(looked).filter((message) => meant(readParked(message))));
      looked = messages.length;
      return matching.length >= SAMPLE;
    },
  });
  const parked = await countMessages(sqs, queue.deadLetterUrl);
  return {
    matching: matching.length,
    isSample: seen.length < parked,
    parked,
    foreseen: await foresee(matching),
  };
}

function describePreview(queue: Queue, { matching, isSample, parked, foreseen }: Preview): string {
  const sample = isSample ? ` (a sample: the queue holds about ${parked})` : '';
  return [
    `${queue.name}: ${matching} parked messages match${sample}`,
    ...foreseen.map((line) => `  ${line}`),
  ].join('\n');
}

function describeSwept(
  queue: Queue,
  { done, failed, others, back, unseen }: Swept,
  how: string,
): string {
  return [
    `${queue.name}: ${done} ${how}, ${others} others stay parked`,
    ...(back > 0 ? [`  ${back} were parked again meanwhile, and stay`] : []),
    ...failed.map(({ messageId, reason }) => `  ${messageId} stays: ${reason}`),
    ...(unseen > 0
      ? [
          `  about ${unseen} could not be looked at: ` +
            (queue.fifo
              ? 'a message of their group that stays is before them, or others have them in flight'
              : 'others have them in flight; run it again'),
        ]
      : []),
  ].join('\n');
}

function countCodes(messages: readonly Message[]): readonly string[] {
  const groups = Map.groupBy(messages.map(readParked), ({ code }) => code);
  return [...groups].map(([code, some]) => `${some.length} x ${code} would be deleted`);
}

function explainFile(error: unknown): never {
  const { code, path } = error as NodeJS.ErrnoException;
  if (code === undefined || path === undefined) throw error;
  throw new UserError(`${path} cannot be written: ${code}`, '--save takes the path of a file', {
    cause: error,
  });
}
