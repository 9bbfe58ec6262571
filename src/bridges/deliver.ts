import { createHash } from 'node:crypto';
import {
  QueryNotRegisteredError,
  WithStartWorkflowOperation,
  WorkflowNotFoundError,
  type WorkflowClient,
} from '@temporalio/client';
import type { Workflow } from '@temporalio/common';
import { fingerprint, splitFingerprints } from '../contracts/fingerprint.ts';
import { inboxQuery, inboxSignal } from '../contracts/inbox.ts';
import { nameRefusal, type Refusal } from './answer.ts';
import type { Plan, StartPlan } from './plan.ts';
import type { Planned } from './route.ts';
import { startOnce } from './startOnce.ts';
import type { Temporal } from './temporal.ts';

/** What came of a delivery, by name. */
export type Delivery =
  | 'delivered'
  | 'duplicate'
  | 'conflict'
  | 'ignored'
  /** The workflow never existed. */
  | 'early'
  /** It existed, and is closed. */
  | 'late'
  /** An event before it, for the same workflow, comes again. */
  | 'workflow-stopped'
  /** Its turn did not come while the bridge could hold it. */
  | 'held-too-long'
  /** The bridge stops. */
  | 'stopping'
  | Exclude<Refusal, 'not-found' | 'closed'>;

export interface Delivered {
  readonly delivery: Delivery;
  /** What Temporal said, where it refused. */
  readonly error?: unknown;
}

/**
 * Hands events to Temporal in one call: several for one inbox, or a single one.
 *
 * @param batch - all of them for one workflow.
 * @param deadline - for each call, in milliseconds since the epoch.
 * @returns what came of each, in their order. Never rejects.
 */
export async function deliver(
  temporal: Temporal,
  batch: readonly Planned[],
  deadline: number,
): Promise<readonly Delivered[]> {
  const client = temporal.in(batch[0]?.namespace);
  let answer: Delivered;
  try {
    answer = await temporal.call(deadline, requestIdOf(batch), () => callFor(client, batch));
  } catch (error) {
    answer = { delivery: nameCall(error), error };
  }
  if (answer.delivery === 'late') {
    return await deliverLate(temporal, client, batch, deadline);
  }
  // One of them may spoil it for all.
  if (batch.length > 1 && (answer.delivery === 'too-large' || answer.delivery === 'unexpected')) {
    return await deliverHalves(temporal, batch, deadline);
  }
  return batch.map(() => answer);
}

/** Each event's own policy decides, one after another. */
async function deliverLate(
  temporal: Temporal,
  client: WorkflowClient,
  batch: readonly Planned[],
  deadline: number,
): Promise<readonly Delivered[]> {
  const answers: Delivered[] = [];
  let known: (eventId: string) => boolean = () => false;
  try {
    const needsInbox = batch.some(
      ({ plan }) => plan.operation === 'inbox' && plan.late !== 'acknowledge',
    );
    if (needsInbox) known = await temporal.call(deadline, '', () => knownTo(client, batch));
    for (const { event, plan } of batch) {
      const late = 'late' in plan ? plan.late : 'acknowledge';
      if (known(event.id)) answers.push({ delivery: 'duplicate' });
      else if (typeof late === 'string') answers.push({ delivery: 'late' });
      else answers.push(await temporal.call(deadline, event.id, () => start(client, late, event)));
    }
  } catch (error) {
    const refused: Delivered = { delivery: nameCall(error), error };
    while (answers.length < batch.length) answers.push(refused);
  }
  return answers;
}

/** What a closed workflow's inbox dealt with: an event that ended it may come again, and is not late then. */
async function knownTo(client: WorkflowClient, batch: readonly Planned[]) {
  const [{ plan }] = batch as readonly [Planned];
  if (plan.operation === 'ignore') return () => false;
  try {
    const { records, older } = await client.getHandle(plan.workflowId).query(inboxQuery);
    const ids = new Set(records.map(({ id }) => id));
    const fingerprints = new Set(splitFingerprints(older));
    return (id: string) => ids.has(id) || fingerprints.has(fingerprint(id));
  } catch (error) {
    // It never had an inbox.
    if (error instanceof QueryNotRegisteredError) return () => false;
    throw error;
  }
}

async function deliverHalves(
  temporal: Temporal,
  batch: readonly Planned[],
  deadline: number,
): Promise<readonly Delivered[]> {
  const middle = Math.ceil(batch.length / 2);
  const first = await deliver(temporal, batch.slice(0, middle), deadline);
  const stopped = first.find(({ delivery }) => !isSettling(delivery));
  // Order: what may yet succeed must not be overtaken.
  const second = stopped
    ? batch.slice(middle).map(() => stopped)
    : await deliver(temporal, batch.slice(middle), deadline);
  return [...first, ...second];
}

/** Whether an event that was answered so does not come again, or only by the route's policy. */
export function isSettling(delivery: Delivery): boolean {
  return SETTLING.has(delivery);
}

const SETTLING: ReadonlySet<Delivery> = new Set([
  'delivered',
  'duplicate',
  'conflict',
  'ignored',
  'late',
  'too-large',
  'refused',
]);

/** Within a run the service drops a signal whose request ID it knows: the same events have the same. */
function requestIdOf(batch: readonly Planned[]): string {
  const [first] = batch;
  if (batch.length === 1 && first) return first.event.id;
  const hash = createHash('sha256');
  for (const { event } of batch) hash.update(`${event.id}\n`);
  return hash.digest('hex');
}

function nameCall(error: unknown): Exclude<Refusal, 'not-found' | 'closed'> {
  const refusal = nameRefusal(error);
  return refusal === 'not-found' || refusal === 'closed' ? 'unexpected' : refusal;
}

/** The client's types tell updates without arguments apart; a plan does not know them any more. */
type UpdateArgs = [unknown, ...unknown[]];

async function callFor(client: WorkflowClient, batch: readonly Planned[]): Promise<Delivered> {
  const [{ event, plan }] = batch as readonly [Planned];
  switch (plan.operation) {
    case 'ignore':
      return { delivery: 'ignored' };
    case 'start':
      return await start(client, plan, event);
    case 'inbox': {
      const events = batch.map(({ event: { id, type, data } }) => ({ id, type, data }));
      return await toExisting(client, plan, (handle) => handle.signal(inboxSignal, events));
    }
    case 'signal':
      return await toExisting(client, plan, (handle) => handle.signal(plan.signal, ...plan.args));
    case 'update':
      return await toExisting(client, plan, (handle) =>
        handle.executeUpdate<unknown, UpdateArgs>(plan.update, {
          args: plan.args as UpdateArgs,
          updateId: event.id,
        }),
      );
    case 'signalWithStart': {
      const { workflowId, taskQueue, args, priority, signal, signalArgs } = plan;
      return await startingIfNew(() =>
        client.signalWithStart(plan.workflowType, {
          workflowId,
          taskQueue,
          args: [...args],
          ...(priority && { priority }),
          signal,
          signalArgs: [...signalArgs],
          memo: { eventId: event.id },
          workflowIdReusePolicy: 'REJECT_DUPLICATE',
        }),
      );
    }
    case 'updateWithStart': {
      const { workflowId, taskQueue, args, priority, update, updateArgs } = plan;
      return await startingIfNew(() =>
        client.executeUpdateWithStart<Workflow, unknown, UpdateArgs>(update, {
          args: updateArgs as UpdateArgs,
          updateId: event.id,
          startWorkflowOperation: new WithStartWorkflowOperation(plan.workflowType, {
            workflowId,
            taskQueue,
            args: [...args],
            ...(priority && { priority }),
            memo: { eventId: event.id },
            workflowIdConflictPolicy: 'USE_EXISTING',
            workflowIdReusePolicy: 'REJECT_DUPLICATE',
          }),
        }),
      );
    }
  }
}

async function start(
  client: WorkflowClient,
  plan: StartPlan,
  event: Planned['event'],
): Promise<Delivered> {
  const answer = await startOnce(client, { ...plan, eventId: event.id, content: event.data });
  return { delivery: answer === 'started' ? 'delivered' : answer };
}

/** To a workflow that has to be there. */
async function toExisting(
  client: WorkflowClient,
  { workflowId }: Extract<Plan, { earlySeconds: number }>,
  call: (handle: ReturnType<WorkflowClient['getHandle']>) => Promise<unknown>,
): Promise<Delivered> {
  const handle = client.getHandle(workflowId);
  try {
    await call(handle);
    return { delivery: 'delivered' };
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
  // "Never existed" and "closed" are the same error, and differ in what the service knows of the ID.
  try {
    const { status } = await handle.describe();
    // It was started in between: the next delivery finds it.
    return { delivery: status.name === 'RUNNING' ? 'busy' : 'late' };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return { delivery: 'early' };
    throw error;
  }
}

/** To a workflow that is started where its ID was never used. */
async function startingIfNew(call: () => Promise<unknown>): Promise<Delivered> {
  try {
    await call();
    return { delivery: 'delivered' };
  } catch (error) {
    if (nameRefusal(error) === 'closed') return { delivery: 'late' };
    throw error;
  }
}
