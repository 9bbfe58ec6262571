import { Duration } from 'aws-cdk-lib';
import type { ScalingInterval } from 'aws-cdk-lib/aws-applicationautoscaling';
import { MathExpression, type IMetric, type Metric } from 'aws-cdk-lib/aws-cloudwatch';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import {
  ORDERS_TASK_QUEUE,
  PARTNERS_TASK_QUEUE,
  PAYMENTS_TASK_QUEUE,
} from '../src/contracts/taskQueues.ts';
import type { ProcessName } from './processes.ts';
import { named, waybillMetric } from './waybillMetrics.ts';

/** What is kept near a value: more above it, fewer below. */
export interface Tracking {
  readonly id: string;
  readonly metric: MathExpression;
  readonly target: number;
}

/** What adds at once, by how far a limit is passed; it takes nothing away, which tracking does. */
export interface Stepping {
  readonly id: string;
  readonly metric: IMetric;
  readonly steps: ScalingInterval[];
}

export interface Scaling {
  readonly tracking: readonly Tracking[];
  readonly stepping: readonly Stepping[];
  /** Percent of the CPU that is kept in use; null: CPU says nothing of the work that waits. */
  readonly cpu: number | null;
}

/** So many waiting messages are one bridge's: about what it delivers in ten seconds. */
const BACKLOG_OF_ONE = 1_000;
/** Percent of a worker's slots in use, on average. */
const SLOTS_IN_USE = 70;
/** Seconds that a message may wait in its queue until more bridges are started. */
const WAITED = 60;
const WAITED_LONG = 300;
/** Seconds from the scheduling of a workflow task to its start, likewise for workers. */
const STARTED_LATE = 1;
const STARTED_VERY_LATE = 5;

/** How long it is waited after more were started, and after fewer are left. */
export const SCALE_OUT_COOLDOWN = Duration.minutes(1);
export const SCALE_IN_COOLDOWN = Duration.minutes(5);

/** By what each process scales, on ECS and on EC2. `running` counts the tasks or instances there are. */
export function scalingOf(name: ProcessName, queues: readonly IQueue[], running: IMetric): Scaling {
  switch (name) {
    case 'bridge':
      return {
        tracking: [
          { id: 'Backlog', metric: backlogPerTask(queues, running), target: BACKLOG_OF_ONE },
        ],
        stepping: [
          { id: 'OldestMessage', metric: oldestMessage(queues), steps: steps(WAITED, WAITED_LONG) },
        ],
        cpu: null,
      };
    case 'worker':
      return {
        tracking: [{ id: 'Slots', metric: slotsInUse(), target: SLOTS_IN_USE }],
        stepping: [
          {
            id: 'TaskQueueBacklog',
            metric: latestStart(),
            steps: steps(STARTED_LATE, STARTED_VERY_LATE),
          },
        ],
        cpu: null,
      };
    case 'api':
      return { tracking: [], stepping: [], cpu: 60 };
  }
}

function steps(some: number, many: number): ScalingInterval[] {
  return [
    { lower: some, upper: many, change: 1 },
    { lower: many, change: 3 },
  ];
}

function backlogPerTask(queues: readonly IQueue[], running: IMetric): MathExpression {
  const waiting = named(
    queues.map((queue) =>
      queue.metricApproximateNumberOfMessagesVisible({
        statistic: 'Maximum',
        period: Duration.minutes(1),
      }),
    ),
  );
  return new MathExpression({
    label: 'messages waiting, to each bridge',
    // With none running, what waits is one's.
    expression: `SUM([${waiting.names.join(', ')}]) / MAX([FILL(running, 1), 1])`,
    usingMetrics: { ...waiting.usingMetrics, running },
    period: Duration.minutes(1),
  });
}

/** Of all queues that the bridge reads. A message that was received three times in vain does not count: SQS passes over it. */
export function oldestMessage(queues: readonly IQueue[]): MathExpression {
  const ages = named(
    queues.map((queue) =>
      queue.metricApproximateAgeOfOldestMessage({
        statistic: 'Maximum',
        period: Duration.minutes(1),
      }),
    ),
  );
  return new MathExpression({
    label: 'seconds that the oldest message has waited',
    expression: `MAX([${ages.names.join(', ')}])`,
    usingMetrics: ages.usingMetrics,
    period: Duration.minutes(1),
  });
}

/** The kinds of tasks that a worker has slots for. */
const SLOTS = [
  { task_queue: ORDERS_TASK_QUEUE, worker_type: 'WorkflowWorker' },
  { task_queue: ORDERS_TASK_QUEUE, worker_type: 'ActivityWorker' },
  { task_queue: PAYMENTS_TASK_QUEUE, worker_type: 'ActivityWorker' },
  { task_queue: PARTNERS_TASK_QUEUE, worker_type: 'ActivityWorker' },
] as const;

/** Percent, of the kind of which least are free. */
export function slotsInUse(): MathExpression {
  const of = (what: 'used' | 'available') =>
    named(
      SLOTS.map((slots) => waybillMetric(`temporal_worker_task_slots_${what}`, slots, 'Average')),
      what,
    );
  const used = of('used');
  const free = of('available');
  const shares = SLOTS.map((_, index) => {
    const [inUse, left] = [used.names[index], free.names[index]];
    return `100 * ${inUse} / (${inUse} + ${left})`;
  });
  return new MathExpression({
    label: 'percent of slots in use',
    expression: `MAX([${shares.join(', ')}])`,
    usingMetrics: { ...used.usingMetrics, ...free.usingMetrics },
    period: Duration.minutes(1),
  });
}

/** How long workflow tasks have waited in Temporal's task queue, which is how a backlog there shows to workers. */
function latestStart(): Metric {
  return waybillMetric(
    'temporal_workflow_task_schedule_to_start_latency',
    { task_queue: ORDERS_TASK_QUEUE },
    'Average',
  );
}

/** One part of a metric that a tracking policy of AWS takes: another metric's name for it, or the whole. */
export type TrackedQuery =
  | {
      readonly id: string;
      readonly returnData: false;
      readonly metricStat: {
        readonly stat: string;
        readonly metric: {
          readonly namespace: string;
          readonly metricName: string;
          readonly dimensions: { readonly name: string; readonly value: string }[];
        };
      };
    }
  | {
      readonly id: string;
      readonly returnData: true;
      readonly label: string;
      readonly expression: string;
    };

/** The same for ECS and EC2: the construct library takes plain metrics only. */
export function queriesOf({
  expression,
  usingMetrics,
  label = '',
}: MathExpression): TrackedQuery[] {
  const parts = Object.entries(usingMetrics).map(([id, metric]): TrackedQuery => {
    const { metricStat } = metric.toMetricConfig();
    if (!metricStat) throw new TypeError(`${id}: expected a plain metric, received an expression`);
    const { namespace, metricName, statistic: stat, dimensions = [] } = metricStat;
    return {
      id,
      returnData: false,
      metricStat: {
        stat,
        metric: {
          namespace,
          metricName,
          dimensions: dimensions.map(({ name, value }) => ({ name, value: String(value) })),
        },
      },
    };
  });
  return [...parts, { id: 'whole', returnData: true, label, expression }];
}
