import assert from 'node:assert/strict';
import { ReceiveMessageCommand, type ReceiveMessageCommandOutput } from '@aws-sdk/client-sqs';
import { Client } from '@temporalio/client';
import { seeded } from '../faults/random.ts';
import { rawEvent, startBridgeStage, type BridgeStage } from '../support/bridge.ts';
import { temporalAddress, uniqueId } from '../support/servers.ts';

const SEED = 7;

describe('the bridge, when Temporal asks for fewer requests (FAULTS 17)', () => {
  let stage: BridgeStage;

  before(async function () {
    this.timeout(180_000);
    stage = await startBridgeStage(temporalAddress());
  });
  after(() => stage.stop());

  /** A client whose starts and signals the service refuses in two of five cases. */
  function throttledClient(): { client: Client; refusals: () => number } {
    const random = seeded(SEED);
    let refusals = 0;
    const { connection } = stage.client;
    const service = connection.workflowService;
    const refusing = <Request, Answer>(call: (request: Request) => Promise<Answer>) => ({
      value: async (request: Request): Promise<Answer> => {
        if (random() >= 0.4) return await call.call(service, request);
        refusals += 1;
        const status = {
          code: 8,
          details: 'namespace rate limit exceeded',
          metadata: { get: () => [] },
        };
        throw Object.assign(new Error('8 RESOURCE_EXHAUSTED'), status);
      },
    });
    const workflowService = Object.create(service, {
      startWorkflowExecution: refusing(service.startWorkflowExecution),
      signalWorkflowExecution: refusing(service.signalWorkflowExecution),
    }) as typeof service;
    const refusingConnection = Object.create(connection, {
      workflowService: { value: workflowService },
    }) as typeof connection;
    return { client: new Client({ connection: refusingConnection }), refusals: () => refusals };
  }

  it('sends less, keeps the order, and neither parks nor burns receives', async () => {
    const queue = await stage.createQueue();
    const fifo = await stage.createQueue({ fifo: true });
    const target = uniqueId('order');
    await stage.begin(target);
    const ids = Array.from({ length: 60 }, () => uniqueId('order'));
    await stage.sendAll(
      queue,
      ids.map((id) => rawEvent('Begin', id, id)),
    );
    const events = Array.from({ length: 20 }, (_, index) => `e-${index}`);
    for (const eventId of events) {
      await stage.send(fifo, rawEvent('Event', target, eventId), { MessageGroupId: 'g' });
    }
    const sqs = stage.createSqs();
    let mostReceives = 0;
    sqs.middlewareStack.add(
      (next, context) => async (args) => {
        const answer = await next(args);
        if (context['commandName'] === ReceiveMessageCommand.name) {
          const { Messages = [] } = answer.output as ReceiveMessageCommandOutput;
          for (const { Attributes } of Messages) {
            mostReceives = Math.max(mostReceives, Number(Attributes?.ApproximateReceiveCount));
          }
        }
        return answer;
      },
      { step: 'initialize' },
    );
    const { client, refusals } = throttledClient();
    const bridge = stage.startBridge([queue, fifo], { client, sqs });
    await stage.untilEmpty(queue, 25_000);
    await stage.untilEmpty(fifo, 25_000);
    await stage.untilApplied(target, events);
    assert.ok(refusals() >= 10, `${refusals()} refusals`);
    assert.equal(mostReceives, 1);
    assert.deepEqual(new Set(bridge.outcomes()), new Set(['delivered']));
    assert.equal(bridge.lines('breaker open').length, 0);
    for (const id of ids) await stage.client.workflow.getHandle(id).describe();
    await bridge.stop();
    sqs.destroy();
  }).timeout(60_000);
});
