import {
  describeOperation,
  explain,
  explainableOf,
  type Explainable,
  type Explained,
  type ExplainOptions,
} from '../console/explain.ts';
import { peekQueue } from '../console/queues.ts';
import { createStateReader } from '../console/workflowState.ts';
import { createSqs } from '../platform/sqs.ts';
import { readEvents } from './events.ts';
import { loadReading, type LoadRoutes } from './routes.ts';
import { withTemporal } from './temporalTools.ts';

export interface ExplainCommandOptions {
  readonly routes?: string;
  readonly offline?: true;
  readonly json?: true;
}

/** The most messages that are explained of one queue: all that time they are hidden from the bridge. */
const MOST_OF_QUEUE = 200;
/** How much of a payload is printed, in characters. */
const LONGEST_PAYLOAD = 1_000;

/** Prints what would become of events; exit 1 if one would not be delivered. */
export async function runExplain(
  target: string,
  { routes, offline, json }: ExplainCommandOptions,
  ownRoutes: LoadRoutes | undefined,
): Promise<void> {
  const reading = await loadReading(routes, ownRoutes);
  const messages = /^https?:\/\//.test(target) ? await readQueue(target) : await readEvents(target);
  const explained = offline
    ? await explain(messages, reading)
    : await explainOnline(messages, reading);
  console.log(json ? JSON.stringify(explained, null, 2) : explained.map(describe).join('\n'));
  // A route that fails keeps its events from being delivered too.
  if (explained.some(({ verdict }) => verdict.kind === 'park' || verdict.kind === 'release')) {
    process.exitCode = 1;
  }
}

/** With what Temporal knows of the workflows. */
export async function explainOnline(
  messages: readonly Explainable[],
  reading: ExplainOptions,
): Promise<readonly Explained[]> {
  return await withTemporal(({ client }) =>
    explain(messages, { ...reading, readState: createStateReader(client) }),
  );
}

async function readQueue(url: string): Promise<readonly Explainable[]> {
  const isEnough = (count: number) => count >= MOST_OF_QUEUE;
  const found = await peekQueue(createSqs(), url, { enough: ({ length }) => isEnough(length) });
  if (isEnough(found.length))
    console.error(`only the first ${found.length} messages are looked at`);
  return found.map(explainableOf);
}

function describe({ from, eventId, route, plan, payload, verdict }: Explained): string {
  const lines = [
    `${from}: ${verdict.text}`,
    `  event      ${eventId ?? 'unknown'}${route === null ? '' : ` (${route})`}`,
  ];
  if (plan && plan.operation !== 'ignore') {
    lines.push(`  workflow   ${plan.workflowId}`, `  operation  ${describeOperation(plan)}`);
  }
  if (payload) {
    const text = JSON.stringify(payload);
    const isWhole = text.length <= LONGEST_PAYLOAD;
    lines.push(
      `  payload    ${isWhole ? text : `${text.slice(0, LONGEST_PAYLOAD)}... (--json has all)`}`,
    );
  }
  return lines.join('\n');
}
