import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Priority, SignalDefinition, UpdateDefinition } from '@temporalio/common';
import { msToNumber } from '@temporalio/common/lib/time.js';
import type { WorkflowReference } from '../contracts/references.ts';
import { EventRejectedError } from './codes.ts';
import type { UnwrappedEvent } from './envelope.ts';
import { cut } from './json.ts';
import type { LatePlan, Plan, StartPlan } from './plan.ts';
import { validate } from './schema.ts';
import { isS3Test } from './streamRecord.ts';

/** An event whose data is what its route's schema says. */
export interface RoutedEvent<Data> {
  /** `{source}:{id}`, from end to end. */
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly data: Data;
}

/** What becomes of the events of one source and type. */
export interface Route {
  readonly source: string;
  readonly type: string;
  /** Validates an event and plans its delivery. @throws EventRejectedError when it can never be delivered. */
  readonly plan: (event: UnwrappedEvent) => Planned | Promise<Planned>;
}

export interface Planned {
  readonly event: RoutedEvent<unknown>;
  readonly plan: Plan;
  /** The namespace of the workflow; undefined: the client's own. */
  readonly namespace: string | undefined;
}

export interface RouteOptions<Data> {
  /** Only events for which it is true are delivered, the others are acknowledged. Default: all. */
  readonly when?: (event: RoutedEvent<Data>) => boolean;
  /** Default: the namespace of the bridge's client. */
  readonly namespace?: string;
  /** Where a workflow is started, in place of its reference's task queue. */
  readonly taskQueue?: string;
}

/** For operations on a workflow that was started before. */
export interface TargetOptions<Data> {
  /**
   * How long the event waits for its workflow to be started, since it was first received: milliseconds, or a text such
   * as `15m`; at least 0. Then it is parked as `early`.
   */
  readonly early: Wait;
  /** What becomes of an event whose workflow is closed: it is acknowledged and counted, parked as `late`, or starts another workflow. */
  readonly late: 'acknowledge' | 'park' | FollowUp<Data>;
}

/** Milliseconds, or a number with its unit. (Temporal's own `Duration` is `any` where `ms` has no types.) */
export type Wait = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`;

/** For operations that ask the workflow. */
export interface UpdateOptions {
  /** What becomes of an event whose update the workflow refuses, by its validator or by a failure: it is acknowledged and counted, or parked as `refused`. */
  readonly refused: 'acknowledge' | 'park';
}

/** A start in place of a delivery to a workflow that is closed. Made by {@link followUp}. */
export type FollowUp<Data> = (event: RoutedEvent<Data>) => StartPlan;

/** Starts this workflow, once for its ID, with an event that came too late for its own. */
export function followUp<Args extends unknown[] | [], Data>(
  reference: StartReference<Args>,
  target: (event: RoutedEvent<Data>) => StartTarget<Args>,
): FollowUp<Data> {
  const { workflowType, taskQueue } = reference;
  return (event) => ({ operation: 'start', workflowType, taskQueue, ...target(event) });
}

type StartReference<Args extends unknown[] | []> = WorkflowReference<
  (...args: Args) => Promise<unknown>
>;

interface StartTarget<Args extends unknown[] | []> {
  readonly workflowId: string;
  readonly args: Args;
  /** Of the workflow's tasks, and of its activities': a `fairnessKey` gives each seller or tenant a fair share of the workers. Default: none. */
  readonly priority?: Priority;
}

/**
 * Begins a route: events of this source and type, whose data this schema (any Standard Schema: zod, valibot,
 * arktype, ...) describes. The operation that follows completes it.
 */
export function on<Schema extends StandardSchemaV1>(
  source: string,
  type: string,
  schema: Schema,
  options: RouteOptions<StandardSchemaV1.InferOutput<Schema>> = {},
) {
  type Data = StandardSchemaV1.InferOutput<Schema>;
  type Event = RoutedEvent<Data>;

  function route(planOf: (event: Event) => Plan): Route {
    const planned = ({ id }: UnwrappedEvent, data: Data): Planned => {
      const event: Event = { id, source, type, data };
      const isTaken = options.when?.(event) ?? true;
      const plan: Plan = isTaken ? planOf(event) : { operation: 'ignore' };
      if (plan.operation !== 'ignore') assertWorkflowId(plan.workflowId);
      return { event, plan, namespace: options.namespace };
    };
    return {
      source,
      type,
      // Most schemas answer at once; a promise for each event would cost more than the rest of the way.
      plan(event) {
        const data = validate(schema, event.data);
        return data instanceof Promise
          ? data.then((value) => planned(event, value))
          : planned(event, data);
      },
    };
  }

  const startOf = ({
    workflowType,
    taskQueue,
  }: Pick<WorkflowReference, 'workflowType' | 'taskQueue'>) => ({
    workflowType,
    taskQueue: options.taskQueue ?? taskQueue,
  });
  const late = ({ late: policy }: Pick<TargetOptions<Data>, 'late'>, event: Event): LatePlan =>
    typeof policy === 'function' ? policy(event) : policy;
  const targetOf = ({ early, ...rest }: TargetOptions<Data>) => {
    const earlySeconds = msToNumber(early) / 1_000;
    if (!(earlySeconds >= 0)) {
      throw new TypeError(
        `route ${source} ${type}: early: expected at least 0, received ${String(early)}`,
      );
    }
    return (event: Event) => ({ earlySeconds, late: late(rest, event) });
  };

  return {
    /** Starts the workflow, once for its ID: a second event with the same content is a duplicate, one with other content is parked as `conflict`. */
    start: <Args extends unknown[] | []>(
      workflow: StartReference<Args>,
      target: (event: Event) => StartTarget<Args>,
    ): Route => route((event) => ({ operation: 'start', ...startOf(workflow), ...target(event) })),

    /**
     * Puts the event into the inbox of a workflow (`waybill/workflow`). What is in hand for one workflow goes together,
     * in order, up to 100 events or 256 KiB a call.
     */
    inbox: (workflowId: (event: Event) => string, own: TargetOptions<Data>): Route => {
      const options = targetOf(own);
      return route((event) => ({
        operation: 'inbox',
        workflowId: workflowId(event),
        ...options(event),
      }));
    },

    /** Signals a workflow. A repeat within one run of the workflow is dropped by the service, by the event's ID; a workflow that has to be sure takes an inbox. */
    signal: <Args extends unknown[] | []>(
      signal: SignalDefinition<Args>,
      target: (event: Event) => { readonly workflowId: string; readonly args: Args },
      own: TargetOptions<Data>,
    ): Route => {
      const options = targetOf(own);
      return route((event) => ({
        operation: 'signal',
        signal: signal.name,
        ...target(event),
        ...options(event),
      }));
    },

    /** Signals a workflow, and starts it where it does not run yet. One that is closed is not started again: see `late`. */
    signalWithStart: <Args extends unknown[] | [], SignalArgs extends unknown[] | []>(
      workflow: StartReference<Args>,
      signal: SignalDefinition<SignalArgs>,
      target: (event: Event) => StartTarget<Args> & { readonly signalArgs: SignalArgs },
      own: Pick<TargetOptions<Data>, 'late'>,
    ): Route =>
      route((event) => ({
        operation: 'signalWithStart',
        signal: signal.name,
        ...startOf(workflow),
        ...target(event),
        late: late(own, event),
      })),

    /** Updates a workflow and waits for its answer, under the event's ID: a repeat within one run gets the first answer. It needs a worker. */
    update: <Args extends unknown[] | []>(
      update: UpdateDefinition<unknown, Args>,
      target: (event: Event) => { readonly workflowId: string; readonly args: Args },
      own: TargetOptions<Data> & UpdateOptions,
    ): Route => {
      const options = targetOf(own);
      return route((event) => ({
        operation: 'update',
        update: update.name,
        ...target(event),
        ...options(event),
        refused: own.refused,
      }));
    },

    /** Updates a workflow, and starts it where it does not run yet; else like `update`. */
    updateWithStart: <Args extends unknown[] | [], UpdateArgs extends unknown[] | []>(
      workflow: StartReference<Args>,
      update: UpdateDefinition<unknown, UpdateArgs>,
      target: (event: Event) => StartTarget<Args> & { readonly updateArgs: UpdateArgs },
      own: Pick<TargetOptions<Data>, 'late'> & UpdateOptions,
    ): Route =>
      route((event) => ({
        operation: 'updateWithStart',
        update: update.name,
        ...startOf(workflow),
        ...target(event),
        late: late(own, event),
        refused: own.refused,
      })),

    /** Acknowledges the event: it is known, and of no concern here. */
    ignore: (): Route => route(() => ({ operation: 'ignore' })),
  };
}

/** Finds the route of an event. @throws Error at once when two routes claim the same source and type. */
export function routeTable(routes: readonly Route[]) {
  const table = new Map<string, Route>();
  for (const route of routes) {
    const key = keyOf(route);
    if (table.has(key)) {
      throw new Error(`two routes for events of source ${route.source}, type ${route.type}`);
    }
    table.set(key, route);
  }
  return (event: Pick<UnwrappedEvent, 'source' | 'type'>): Route => {
    const route = table.get(keyOf(event));
    if (route) return route;
    // Whoever routes a bucket's notifications need not know that it sends a test first.
    if (isS3Test(event)) return on(event.source, event.type, ANYTHING).ignore();
    throw new EventRejectedError(
      'unknown-type',
      `no route takes source ${cut(event.source)}, type ${cut(event.type)}`,
    );
  };
}

/** Temporal's default limit (`limit.maxIDLength`), in bytes. */
const LONGEST_WORKFLOW_ID = 1_000;

function assertWorkflowId(workflowId: string): void {
  const size = Buffer.byteLength(workflowId);
  if (size >= 1 && size <= LONGEST_WORKFLOW_ID) return;
  throw new EventRejectedError(
    'malformed',
    `workflowId: expected 1 to ${LONGEST_WORKFLOW_ID} bytes, received ${size}`,
  );
}

const ANYTHING: StandardSchemaV1 = {
  '~standard': { version: 1, vendor: 'waybill', validate: (value) => ({ value }) },
};

function keyOf({ source, type }: { readonly source: string; readonly type: string }): string {
  return `${source}\n${type}`;
}
