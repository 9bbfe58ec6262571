import { Duration } from 'aws-cdk-lib';
import {
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  type IAlarm,
  type IMetric,
  type IWidget,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import { HttpCodeTarget } from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import type { Construct } from 'constructs';
import {
  ORDERS_TASK_QUEUE,
  PARTNERS_TASK_QUEUE,
  PAYMENTS_TASK_QUEUE,
} from '../src/contracts/taskQueues.ts';
import type { Watched } from './alarms.ts';
import { oldestMessage, slotsInUse } from './scaling.ts';
import { waybillMetric } from './waybillMetrics.ts';

const HALF = 12;

/** What one looks at first: the alarms, then the way of an event from the queues to the orders. */
export function createDashboard(
  scope: Construct,
  { sources, loadBalancer }: Watched,
  alarms: readonly IAlarm[],
): Dashboard {
  const queues = Object.values(sources).map(({ queue }) => queue);
  const perMinute = { period: Duration.minutes(1) };
  return new Dashboard(scope, 'Dashboard', {
    dashboardName: 'waybill',
    defaultInterval: Duration.hours(3),
    widgets: [
      [
        new TextWidget({
          markdown:
            'Waybill: what is wrong, then events in, calls to Temporal, workers, orders, the API. Each alarm names its section of `docs/runbook.md`.',
          width: 24,
          height: 1,
        }),
      ],
      [new AlarmStatusWidget({ title: 'Alarms', alarms: [...alarms], width: 24, height: 5 })],
      [
        graph(
          'Messages waiting',
          queues.map((queue) => queue.metricApproximateNumberOfMessagesVisible(perMinute)),
        ),
        graph('Oldest message, seconds', [oldestMessage(queues)]),
      ],
      [
        graph(
          'Events settled',
          (['delivered', 'duplicate', 'late', 'released', 'parked'] as const).map((outcome) =>
            waybillMetric('waybill.bridge.settled', { outcome }, 'Sum'),
          ),
        ),
        graph(
          'Messages parked',
          Object.values(sources).map(({ dlq }) =>
            dlq.metricApproximateNumberOfMessagesVisible(perMinute),
          ),
        ),
      ],
      [
        graph(
          'Calls to Temporal: seconds',
          (['start', 'inbox', 'update'] as const).map((operation) =>
            waybillMetric('waybill.bridge.delivery.duration', { operation }, 'Average'),
          ),
        ),
        graph('Breaker, calls at once, throttled', [
          waybillMetric('waybill.bridge.breaker.open', {}, 'Maximum'),
          waybillMetric('waybill.bridge.limit', {}, 'Average'),
          waybillMetric('waybill.bridge.throttled', {}, 'Sum'),
        ]),
      ],
      [
        graph('Workers: percent of slots in use', [slotsInUse()]),
        graph('Workers: seconds from schedule to start', [
          waybillMetric(
            'temporal_workflow_task_schedule_to_start_latency',
            { task_queue: ORDERS_TASK_QUEUE },
            'Average',
          ),
          ...[ORDERS_TASK_QUEUE, PAYMENTS_TASK_QUEUE, PARTNERS_TASK_QUEUE].map((taskQueue) =>
            waybillMetric(
              'temporal_activity_schedule_to_start_latency',
              { task_queue: taskQueue },
              'Average',
            ),
          ),
        ]),
      ],
      [
        graph('Orders: need an operator, failed, disagree', [
          waybillMetric('waybill.needs_operator', {}, 'Sum'),
          waybillMetric('temporal_workflow_failed', {}, 'Sum'),
          waybillMetric('waybill.audit.disagreements', {}, 'Maximum'),
        ]),
        graph('API: requests, failures, seconds', [
          loadBalancer.metrics.requestCount(perMinute),
          loadBalancer.metrics.httpCodeTarget(HttpCodeTarget.TARGET_5XX_COUNT, perMinute),
          loadBalancer.metrics.targetResponseTime({ ...perMinute, statistic: 'p99' }),
        ]),
      ],
    ],
  });
}

function graph(title: string, left: readonly IMetric[]): IWidget {
  return new GraphWidget({ title, left: [...left], width: HALF, height: 6 });
}
