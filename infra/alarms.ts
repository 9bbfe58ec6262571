import { Duration } from 'aws-cdk-lib';
import {
  ComparisonOperator,
  MathExpression,
  TreatMissingData,
  type IMetric,
} from 'aws-cdk-lib/aws-cloudwatch';
import {
  HttpCodeElb,
  HttpCodeTarget,
  type IApplicationLoadBalancer,
} from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { FIFO_DEPTH, FIFO_WINDOW } from '../src/contracts/queues.ts';
import {
  ORDERS_TASK_QUEUE,
  PARTNERS_TASK_QUEUE,
  PAYMENTS_TASK_QUEUE,
} from '../src/contracts/taskQueues.ts';
import { waybillMetric } from './waybillMetrics.ts';

/** The sections of `docs/runbook.md` that say what to do, by their headings. */
export const RUNBOOK_SECTIONS = {
  parked: 'Messages are parked',
  undelivered: 'Others were not told',
  waiting: 'Messages wait',
  breaker: 'The breaker is open',
  throttled: 'Temporal throttles',
  pollers: 'Nobody polls',
  nonDeterminism: 'A workflow does not replay',
  late: 'Workflow tasks start late',
  operator: 'An order needs an operator',
  audit: 'The audit found a disagreement',
  depth: 'The FIFO queue is deep',
  apiErrors: 'The API answers with errors',
} as const;

export type RunbookSection = keyof typeof RUNBOOK_SECTIONS;

/** One alarm: it goes off when the metric was past the threshold in so many of the last periods. */
export interface AlarmDeclaration {
  readonly id: string;
  readonly section: RunbookSection;
  /** What has happened, in a sentence that the operator is sent. */
  readonly says: string;
  readonly metric: IMetric;
  readonly comparison: ComparisonOperator;
  readonly threshold: number;
  readonly periods: number;
  /** What it means that there is no metric. */
  readonly missing: TreatMissingData;
  /** It tells of something that happened once: that it goes quiet again does not say that it is over. */
  readonly isEvent: boolean;
}

export interface Watched {
  /** The queues that the bridge reads, by name. */
  readonly sources: Readonly<Record<string, { readonly queue: IQueue; readonly dlq: IQueue }>>;
  /** Where goes what could not be brought to those who are told, by who that is. */
  readonly audiences: Readonly<Record<string, { readonly dlq: IQueue }>>;
  readonly fifo: IQueue;
  readonly loadBalancer: IApplicationLoadBalancer;
}

/** Seconds. An event that waits for its order to be placed is no longer counted by SQS from its third receive on. */
const WAITS_TOO_LONG = 300;
/** Seconds: many times what a healthy worker takes, and half of what the bridge waits for an update. */
const STARTS_TOO_LATE = 5;
/** Temporal asks now and then for fewer calls, which the bridge answers by itself: this many in each of several minutes is more. */
const THROTTLED_OFTEN = 20;
/** Percent of the API's answers, and how many answers there must be for that to mean anything. */
const ERRORS = 1;
const ENOUGH_ANSWERS = 50;

/** Everything that somebody has to know of. */
export function declareAlarms(watched: Watched): readonly AlarmDeclaration[] {
  const { sources, audiences, fifo, loadBalancer } = watched;
  return [
    ...Object.entries(sources).map(([name, { dlq }]) =>
      notEmpty(`${name}Parked`, 'parked', `Something is parked of ${name}`, dlq),
    ),
    ...Object.entries(audiences).map(([name, { dlq }]) =>
      notEmpty(`${name}Undelivered`, 'undelivered', `Something was not brought to ${name}`, dlq),
    ),
    ...Object.entries(sources).map(([name, { queue }]) => waiting(name, queue)),
    above('BreakerOpen', 'breaker', 'A bridge receives nothing: Temporal cannot take it', {
      metric: waybillMetric('waybill.bridge.breaker.open', {}, 'Maximum'),
      threshold: 0,
      periods: 2,
    }),
    above('Throttled', 'throttled', 'Temporal asks for fewer starts, signals or updates', {
      metric: waybillMetric('waybill.bridge.throttled', {}, 'Sum'),
      threshold: THROTTLED_OFTEN,
      periods: 5,
    }),
    above('WorkerThrottled', 'throttled', 'Temporal refuses calls of workers: RESOURCE_EXHAUSTED', {
      metric: waybillMetric(
        'temporal_request_failure',
        { status_code: 'RESOURCE_EXHAUSTED' },
        'Sum',
      ),
      threshold: THROTTLED_OFTEN,
      periods: 5,
    }),
    noPollers('OrdersWorkflows', ORDERS_TASK_QUEUE, 'workflow_task'),
    noPollers('OrdersActivities', ORDERS_TASK_QUEUE, 'activity_task'),
    noPollers('PaymentsActivities', PAYMENTS_TASK_QUEUE, 'activity_task'),
    noPollers('PartnersActivities', PARTNERS_TASK_QUEUE, 'activity_task'),
    above('NonDeterminism', 'nonDeterminism', 'A workflow does not replay with the code at hand', {
      metric: waybillMetric(
        'temporal_workflow_task_execution_failed',
        { failure_reason: 'NonDeterminismError' },
        'Sum',
      ),
      threshold: 0,
      periods: 1,
      isEvent: true,
    }),
    above('LateStarts', 'late', 'Workflow tasks wait for a worker', {
      metric: waybillMetric(
        'temporal_workflow_task_schedule_to_start_latency',
        { task_queue: ORDERS_TASK_QUEUE },
        LATENESS,
      ),
      threshold: STARTS_TOO_LATE,
      periods: 3,
    }),
    above('NeedsOperator', 'operator', 'An order waits for a person', {
      metric: waybillMetric('waybill.needs_operator', {}, 'Sum'),
      threshold: 0,
      periods: 1,
      isEvent: true,
    }),
    above('AuditMismatch', 'audit', 'Orders, money, stock or events disagree', {
      metric: waybillMetric('waybill.audit.disagreements', {}, 'Maximum', Duration.minutes(5)),
      threshold: 0,
      periods: 1,
      isEvent: true,
    }),
    above('FifoDepth', 'depth', `Other groups starve once ${FIFO_WINDOW} messages wait`, {
      metric: fifo.metricApproximateNumberOfMessagesVisible({
        statistic: 'Maximum',
        period: Duration.minutes(5),
      }),
      threshold: FIFO_DEPTH,
      periods: 1,
    }),
    above('ApiErrors', 'apiErrors', `More than ${ERRORS} % of the API's answers are its failures`, {
      metric: errorsOf(loadBalancer),
      threshold: ERRORS,
      periods: 3,
    }),
  ];
}

/**
 * A histogram reaches CloudWatch with its least, greatest and mean, and without its buckets: of those, the greatest is what
 * is never below the 99th percentile.
 */
const LATENESS = 'Maximum';

type Limit = Pick<AlarmDeclaration, 'metric' | 'threshold' | 'periods'> &
  Partial<Pick<AlarmDeclaration, 'isEvent'>>;

function above(id: string, section: RunbookSection, says: string, limit: Limit): AlarmDeclaration {
  return {
    id,
    section,
    says,
    isEvent: false,
    ...limit,
    comparison: ComparisonOperator.GREATER_THAN_THRESHOLD,
    // What is counted, and has not happened, is not exported.
    missing: TreatMissingData.NOT_BREACHING,
  };
}

function notEmpty(
  id: string,
  section: RunbookSection,
  says: string,
  queue: IQueue,
): AlarmDeclaration {
  return above(id, section, says, {
    metric: queue.metricApproximateNumberOfMessagesVisible({
      statistic: 'Maximum',
      period: Duration.minutes(1),
    }),
    threshold: 0,
    periods: 1,
  });
}

function waiting(name: string, queue: IQueue): AlarmDeclaration {
  return above(`${name}Waiting`, 'waiting', `Nobody takes what waits in ${name}`, {
    metric: queue.metricApproximateAgeOfOldestMessage({
      statistic: 'Maximum',
      period: Duration.minutes(1),
    }),
    threshold: WAITS_TOO_LONG,
    periods: 3,
  });
}

/** A worker that is gone exports nothing any more. */
function noPollers(id: string, taskQueue: string, pollerType: string): AlarmDeclaration {
  return {
    id: `${id}Unpolled`,
    section: 'pollers',
    says: `No worker polls ${taskQueue} for ${pollerType.replace('_', ' ')}s`,
    metric: waybillMetric(
      'temporal_num_pollers',
      { task_queue: taskQueue, poller_type: pollerType },
      'Maximum',
    ),
    comparison: ComparisonOperator.LESS_THAN_THRESHOLD,
    threshold: 1,
    periods: 3,
    missing: TreatMissingData.BREACHING,
    isEvent: false,
  };
}

function errorsOf(loadBalancer: IApplicationLoadBalancer): MathExpression {
  const over = { statistic: 'Sum', period: Duration.minutes(1) };
  return new MathExpression({
    label: 'percent of answers',
    expression: `IF(answers >= ${ENOUGH_ANSWERS}, 100 * (FILL(failed, 0) + FILL(unreached, 0)) / answers, 0)`,
    usingMetrics: {
      answers: loadBalancer.metrics.requestCount(over),
      failed: loadBalancer.metrics.httpCodeTarget(HttpCodeTarget.TARGET_5XX_COUNT, over),
      unreached: loadBalancer.metrics.httpCodeElb(HttpCodeElb.ELB_5XX_COUNT, over),
    },
    period: over.period,
  });
}
