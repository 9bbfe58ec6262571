import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { WorkflowReference } from '../contracts/references.ts';
import { EventRejectedError } from './codes.ts';
import type { UnwrappedEvent } from './envelope.ts';
import { cut, whatCame } from './json.ts';

/** An event whose data is what its route's schema says. */
export interface RoutedEvent<Data> {
  /** `{source}:{id}`, from end to end. */
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly data: Data;
}

/** A start of a workflow, once for its workflow ID. */
export interface StartPlan {
  readonly operation: 'start';
  readonly workflowId: string;
  readonly workflowType: string;
  readonly taskQueue: string;
  readonly args: readonly unknown[];
}

/** An event into the inbox of a workflow that exists, will exist, or did. */
export interface InboxPlan extends InboxOptions {
  readonly operation: 'inbox';
  readonly workflowId: string;
}

export type Plan = StartPlan | InboxPlan | { readonly operation: 'ignore' };

export interface InboxOptions {
  /** How long the event waits for its workflow to be started, in seconds since it was first received; then it is parked as `early`. */
  readonly earlySeconds: number;
  /** What becomes of an event whose workflow is closed: it is acknowledged and counted, or parked as `late`. */
  readonly late: 'acknowledge' | 'park';
}

/** What becomes of the events of one source and type. */
export interface Route {
  readonly source: string;
  readonly type: string;
  /** Validates an event and plans its delivery. @throws EventRejectedError when it can never be delivered. */
  readonly plan: (event: UnwrappedEvent) => Promise<Planned>;
}

export interface Planned {
  readonly event: RoutedEvent<unknown>;
  readonly plan: Plan;
}

/**
 * Begins a route: events of this source and type, whose data this schema (any Standard Schema: zod, valibot,
 * arktype, ...) describes.
 */
export function on<Schema extends StandardSchemaV1>(source: string, type: string, schema: Schema) {
  type Event = RoutedEvent<StandardSchemaV1.InferOutput<Schema>>;
  const route = (planOf: (event: Event) => Plan): Route => ({
    source,
    type,
    async plan(unwrapped) {
      const event: Event = { ...unwrapped, data: await validate(schema, unwrapped.data) };
      return { event, plan: planOf(event) };
    },
  });

  return {
    /** Starts the workflow, once for its ID: a second event with the same content is a duplicate, one with other content is parked as `conflict`. */
    start: <Args extends unknown[] | []>(
      { workflowType, taskQueue }: WorkflowReference<Args>,
      target: (event: Event) => { readonly workflowId: string; readonly args: Args },
    ): Route =>
      route((event) => ({ operation: 'start', workflowType, taskQueue, ...target(event) })),

    /** Puts the event into the inbox of a workflow. */
    inbox: (workflowId: (event: Event) => string, options: InboxOptions): Route =>
      route((event) => ({ operation: 'inbox', workflowId: workflowId(event), ...options })),

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
  return (event: UnwrappedEvent): Route => {
    const route = table.get(keyOf(event));
    if (route) return route;
    throw new EventRejectedError(
      'unknown-type',
      `no route takes source ${cut(event.source)}, type ${cut(event.type)}`,
    );
  };
}

function keyOf({ source, type }: { readonly source: string; readonly type: string }): string {
  return JSON.stringify([source, type]);
}

async function validate<Schema extends StandardSchemaV1>(
  schema: Schema,
  data: unknown,
): Promise<StandardSchemaV1.InferOutput<Schema>> {
  const result = await schema['~standard'].validate(data);
  if (!result.issues) return result.value;
  const issues = result.issues.map(({ path = [], message }) => {
    const steps = path.map((step) => (typeof step === 'object' ? step.key : step));
    const field = steps.map(String).join('.') || 'data';
    // Validators say what they expected, but not always what came.
    const came = message.includes('received') ? '' : `, received ${whatCame(at(data, steps))}`;
    return { field, reason: `${field}: ${message}${came}` };
  });
  // Another version may have other fields too.
  const otherVersion =
    issues.some(({ field }) => field === 'version') && at(data, ['version']) !== undefined;
  throw new EventRejectedError(
    otherVersion ? 'unknown-version' : 'malformed',
    cut(issues.map(({ reason }) => reason).join('; '), 1_000),
  );
}

function at(data: unknown, steps: readonly PropertyKey[]): unknown {
  return steps.reduce<unknown>(
    (value, step) => (value as Record<PropertyKey, unknown> | null | undefined)?.[step],
    data,
  );
}
