import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import { SNSClient } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SQSClient,
  type Message,
} from '@aws-sdk/client-sqs';
import { Client } from '@temporalio/client';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import { createAuditQueue } from '../../dev/auditQueue.ts';
import { deploy } from '../../dev/deploy.ts';
import { synthesise } from '../../infra/app.ts';
import { createDisputeNoticeActivities } from '../../src/activities/disputeNotices.ts';
import { publishFacts } from '../../src/activities/notifications.ts';
import type { Fact } from '../../src/contracts/notifications.ts';
import { createSweepActivities } from '../../src/activities/sweep.ts';
import type { Audit } from '../../src/console/audit.ts';
import type { DisputeActivities } from '../../src/contracts/activities.ts';
import { OPERATIONS_SOURCE } from '../../src/contracts/sweep.ts';
import { createTelemetry } from '../../src/platform/telemetry.ts';
import { bundleWorkflows } from '../../src/platform/workflowBundle.ts';
import { IDENTITY } from './history.ts';
import { awsAccount, eventually, temporalAddress, uniqueId } from './servers.ts';

/** An audit that finds this many things amiss. */
export function audited(disagreements: number): Audit {
  return {
    orders: { closed: 2, cancelled: 1 },
    money: { captured: 0, refunded: 0 },
    events: {
      events: 0,
      applied: 0,
      duplicate: 0,
      refused: 0,
      inInbox: 0,
      parked: 0,
      queued: 0,
      lost: [],
      contradictory: [],
    },
    parked: [{ code: 'malformed', eventId: null }],
    disagreements: Array.from({ length: disagreements }, (_, index) => ({
      subject: `order:web:${index + 1}`,
      says: 'its workflow is closed, its row shipped',
    })),
  };
}

/**
 * Sweeps and disputes on an account of their own. What is held and closed at the payments is only noted; it takes the
 * task queues of the order service, so one at a time.
 */
export async function startOperationsService() {
  const account = awsAccount();
  const outputs = await deploy(account, synthesise());
  const sns = new SNSClient(account);
  const sqs = new SQSClient(account);
  const eventBridge = new EventBridgeClient(account);
  const topicArn = outputs.NotificationsTopicArn;
  const queues = {
    /** Every notification. */
    notifications: await createAuditQueue(account, topicArn),
    support: outputs.SupportQueueUrl,
    bus: await busQueue(sqs, eventBridge, outputs.EventBusName),
  };

  const namespace = 'default';
  const environment = await TestWorkflowEnvironment.createFromExistingServer({
    address: temporalAddress(),
    namespace,
  });
  const client = new Client({ connection: environment.connection, namespace, identity: IDENTITY });
  const shared = {
    connection: environment.nativeConnection,
    namespace,
    plugins: [createTelemetry()],
    identity: IDENTITY,
  };

  let audit: (signal: AbortSignal) => Promise<Audit> = async () => audited(0);
  const publish = (fact: Fact) => publishFacts(sns, topicArn, [fact]);
  const orders = await Worker.create({
    ...shared,
    taskQueue: 'orders',
    // A cancellation comes with the answer to a heartbeat.
    maxHeartbeatThrottleInterval: '1s',
    workflowBundle: await bundleWorkflows(),
    activities: {
      ...createSweepActivities({
        audit: (signal) => audit(signal),
        eventBridge,
        eventBusName: outputs.EventBusName,
        publish,
      }),
      ...createDisputeNoticeActivities(publish),
    },
  });

  const calls: string[] = [];
  let arePaymentsUp = true;
  const note = (call: string) => {
    if (!arePaymentsUp) throw new Error('the payments are down');
    calls.push(call);
  };
  const disputes: DisputeActivities = {
    async holdRefunds({ orderKey, disputeId }) {
      note(`hold ${orderKey} ${disputeId}`);
    },
    async closeDispute({ orderKey, disputeId, lost }) {
      note(`close ${orderKey} ${disputeId} ${lost}`);
    },
  };
  const payments = await Worker.create({ ...shared, taskQueue: 'payments', activities: disputes });
  const workers = [orders, payments];
  const running = workers.map((worker) => worker.run());
  const taken = new Map<string, Message[]>();

  return {
    client,

    /** What the next audits are. */
    auditBy(next: typeof audit): void {
      audit = next;
    },

    /** Whether refunds can be held and disputes be closed. */
    setPayments(areUp: boolean): void {
      arePaymentsUp = areUp;
    },

    /** What was asked of the payments about a dispute. */
    asked: (disputeId: string): readonly string[] =>
      calls.filter((call) => call.split(' ').includes(disputeId)),

    /** Waits for messages with this text in them, and answers all that there are by then: body and attributes. */
    async received(queue: keyof typeof queues, text: string, count = 1) {
      const seen = taken.get(queue) ?? [];
      taken.set(queue, seen);
      const found = await eventually(async () => {
        seen.push(...(await take(sqs, queues[queue])));
        const some = seen.filter(({ Body = '' }) => Body.includes(text));
        return some.length >= count && some;
      });
      return found.map(({ Body = '', MessageAttributes = {} }) => ({
        body: JSON.parse(Body) as Readonly<Record<string, unknown>>,
        attributes: Object.fromEntries(
          Object.entries(MessageAttributes).map(([name, { StringValue }]) => [name, StringValue]),
        ),
      }));
    },

    async stop(): Promise<void> {
      workers.forEach((worker) => worker.shutdown());
      await Promise.all(running);
      await environment.teardown();
      for (const each of [sns, sqs, eventBridge]) each.destroy();
    },
  };
}

export type OperationsService = Awaited<ReturnType<typeof startOperationsService>>;

/** A queue of what the service tells on the bus about itself. */
async function busQueue(
  sqs: SQSClient,
  eventBridge: EventBridgeClient,
  EventBusName: string,
): Promise<string> {
  const { QueueUrl = '' } = await sqs.send(
    new CreateQueueCommand({ QueueName: uniqueId('operations-events') }),
  );
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
  );
  const Rule = 'operations-events';
  const EventPattern = JSON.stringify({ source: [OPERATIONS_SOURCE] });
  await eventBridge.send(new PutRuleCommand({ Name: Rule, EventBusName, EventPattern }));
  await eventBridge.send(
    new PutTargetsCommand({
      Rule,
      EventBusName,
      Targets: [{ Id: 'queue', Arn: Attributes?.QueueArn }],
    }),
  );
  return QueueUrl;
}

async function take(sqs: SQSClient, QueueUrl: string): Promise<readonly Message[]> {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({
      QueueUrl,
      MaxNumberOfMessages: 10,
      MessageAttributeNames: ['All'],
    }),
  );
  await Promise.all(
    Messages.map(({ ReceiptHandle }) =>
      sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle })),
    ),
  );
  return Messages;
}
