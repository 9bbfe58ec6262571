import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { ChangeMessageVisibilityBatchCommand } from '@aws-sdk/client-sqs';
import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { Client, Connection } from '@temporalio/client';
import type { SQSEvent, SQSBatchResponse } from 'aws-lambda';
import { lambdaHandler, type LambdaOptions } from '../../src/bridges/lambda.ts';
import {
  capturingLogger,
  startBridgeStage,
  type BridgeStage,
  type TestQueue,
} from '../support/bridge.ts';
import {
  arnOf,
  deployFunction,
  fakeClient,
  fakeSqs,
  inventedRecord,
  invocation,
  receiveRecords,
  startSilence,
} from '../support/lambda.ts';
import { rawEvent, testRoutes } from '../support/routes.ts';
import { eventually, temporalAddress, uniqueId } from '../support/servers.ts';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const TRACEPARENT = `00-${TRACE_ID}-b7ad6b7169203331-01`;
const XRAY = 'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1';

describe('the bridge as a Lambda function', () => {
  const { setInterval } = globalThis;
  let stage: BridgeStage;

  before(async function () {
    this.timeout(180_000);
    stage = await startBridgeStage(temporalAddress());
    // A handler has no end: its scheduler's timer would keep the run alive.
    globalThis.setInterval = ((...args: Parameters<typeof setInterval>) =>
      setInterval(...args).unref()) as typeof setInterval;
  });
  after(async () => {
    globalThis.setInterval = setInterval;
    await stage.stop();
  });

  function createHandler(change: Partial<LambdaOptions> = {}) {
    const { logger } = capturingLogger();
    const handler: (
      event: SQSEvent,
      context: ReturnType<typeof invocation>,
    ) => Promise<SQSBatchResponse> = lambdaHandler({
      routes: testRoutes(stage.taskQueue),
      connect: () => Promise.resolve(stage.client),
      sqs: stage.sqs,
      logger,
      ...change,
    });
    /** Takes so many messages out of the queue, and answers the failures among them by their place. */
    return async (queue: TestQueue, count: number, within = 15): Promise<readonly number[]> => {
      const Records = await receiveRecords(stage.sqs, queue, count);
      const { batchItemFailures } = await handler({ Records }, invocation(within));
      return batchItemFailures.map(({ itemIdentifier }) =>
        Records.findIndex(({ messageId }) => messageId === itemIdentifier),
      );
    };
  }

  const started = (id: string) => stage.client.workflow.getHandle(id).describe();

  it('has no failure for what is delivered, or parked because it is malformed', async () => {
    const queue = await stage.createQueue();
    const invoke = createHandler();
    const id = uniqueId('order');
    await stage.send(queue, rawEvent('Begin', id, 'e-1'));
    const malformed = await stage.send(queue, '{');
    assert.deepEqual(await invoke(queue, 2), []);
    assert.equal((await started(id)).memo?.['eventId'], 'test:e-1');
    const [parked] = await stage.parked(queue, 1);
    assert.equal(parked?.message.Body, '{');
    const { code, messageId, receives } = parked?.note ?? {};
    assert.deepEqual(
      { code, messageId, receives },
      { code: 'malformed', messageId: malformed, receives: 1 },
    );
  });

  it('has a failure for what comes too early, and hides that for its delay', async () => {
    const queue = await stage.createQueue();
    const sqs = stage.createSqs();
    const hidden: unknown[] = [];
    sqs.middlewareStack.add(
      (next, { commandName }) =>
        async (args) => {
          if (commandName === ChangeMessageVisibilityBatchCommand.name) hidden.push(args.input);
          return await next(args);
        },
      { step: 'initialize' },
    );
    const invoke = createHandler({ sqs });
    const [early, begun] = [uniqueId('order'), uniqueId('order')];
    await stage.send(queue, rawEvent('Patient', early, 'e-1'));
    await stage.send(queue, rawEvent('Begin', begun, 'e-2'));
    const failures = await invoke(queue, 2);
    assert.equal(failures.length, 1);
    const [
      {
        Entries: [entry],
      },
    ] = hidden as [{ Entries: [{ VisibilityTimeout: number }] }];
    assert.equal(entry.VisibilityTimeout, 1);
    // It comes again long before the queue's own visibility timeout, 30 s; the other, which Lambda would delete, does not.
    await stage.begin(early);
    assert.deepEqual(await invoke(queue, 1), []);
    await stage.untilApplied(early, ['e-1']);
    sqs.destroy();
  });

  it("serves several queues, a FIFO queue among them, and parks into the queue's own dead-letter queue", async () => {
    const [standard, fifo] = [await stage.createQueue(), await stage.createQueue({ fifo: true })];
    const invoke = createHandler();
    const id = uniqueId('order');
    await stage.begin(id);
    await stage.send(standard, 'standard');
    const inGroup = { MessageGroupId: 'g' };
    await stage.send(fifo, rawEvent('Event', id, 'e-1'), inGroup);
    await stage.send(fifo, 'fifo', inGroup);
    await stage.send(fifo, rawEvent('Event', id, 'e-2'), inGroup);
    await stage.send(fifo, rawEvent('Patient', uniqueId('order'), 'e-3'), inGroup);
    await stage.send(fifo, rawEvent('Event', id, 'e-4'), inGroup);
    await stage.send(fifo, rawEvent('Event', id, 'e-5'), { MessageGroupId: 'h' });
    const answers = await Promise.all([invoke(standard, 1), invoke(fifo, 6)]);
    assert.deepEqual(answers, [[], [3, 4]]);
    const bodies = await Promise.all(
      [standard, fifo].map(async (queue) => (await stage.parked(queue, 1))[0]?.message.Body),
    );
    assert.deepEqual(bodies, ['standard', 'fifo']);
    const applied = (await stage.inbox(id)).records.map(({ id: eventId }) => eventId);
    assert.deepEqual(applied.toSorted(), ['test:e-1', 'test:e-2', 'test:e-5']);
  });

  it('fails the invocation when a queue is not as the bridge wants it, and looks again the next time', async () => {
    const queue = await stage.createQueue();
    let policy = '{}';
    const { sqs, sent } = fakeSqs((command) =>
      command === 'GetQueueAttributesCommand'
        ? Promise.resolve({ Attributes: { RedrivePolicy: policy } })
        : undefined,
    );
    const invoke = createHandler({ sqs });
    await stage.send(queue, rawEvent('Begin', uniqueId('order'), 'e-1'));
    await assert.rejects(invoke(queue, 1), { name: 'QueueUnfitError' });
    policy = '{"deadLetterTargetArn":"arn:aws:sqs:::dlq","maxReceiveCount":50}';
    await stage.send(queue, rawEvent('Begin', uniqueId('order'), 'e-2'));
    assert.deepEqual(await invoke(queue, 1), []);
    await stage.send(queue, rawEvent('Begin', uniqueId('order'), 'e-3'));
    const looked = sent.length;
    assert.deepEqual(await invoke(queue, 1), []);
    assert.equal(sent.length, looked);
  });

  it('connects once, and again only after that failed', async () => {
    const queue = await stage.createQueue();
    let connects = 0;
    const invoke = createHandler({
      connect: () => {
        connects += 1;
        return connects === 1
          ? Promise.reject(new Error('no way to Temporal'))
          : Promise.resolve(stage.client);
      },
    });
    const send = () => stage.send(queue, rawEvent('Begin', uniqueId('order'), 'e-1'));
    await send();
    await assert.rejects(invoke(queue, 1), /no way to Temporal/);
    for (let again = 0; again < 3; again += 1) {
      await send();
      assert.deepEqual(await invoke(queue, 1), []);
    }
    assert.equal(connects, 2);
  });

  it('goes on in the trace that a message came with', async () => {
    const exporter = new InMemorySpanExporter();
    const provider = new BasicTracerProvider({
      spanProcessors: [new SimpleSpanProcessor(exporter)],
    });
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    propagation.setGlobalPropagator(new W3CTraceContextPropagator());
    trace.setGlobalTracerProvider(provider);
    try {
      const queue = await stage.createQueue();
      const invoke = createHandler();
      await stage.send(queue, rawEvent('Begin', uniqueId('order'), 'w3c'), {
        MessageAttributes: { traceparent: { DataType: 'String', StringValue: TRACEPARENT } },
      });
      await stage.send(queue, rawEvent('Begin', uniqueId('order'), 'xray'), {
        MessageSystemAttributes: { AWSTraceHeader: { DataType: 'String', StringValue: XRAY } },
      });
      assert.deepEqual(await invoke(queue, 2), []);
      const traces = exporter
        .getFinishedSpans()
        .map((span) => [span.attributes['waybill.event_id'], span.spanContext().traceId]);
      assert.deepEqual(Object.fromEntries(traces), {
        'test:w3c': TRACE_ID,
        'test:xray': '5759e988bd862e3fe1be46a994272793',
      });
    } finally {
      trace.disable();
      propagation.disable();
      context.disable();
    }
  });

  it('parks a message with its attributes as they came', async () => {
    const queue = await stage.createQueue();
    const invoke = createHandler();
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    const own = {
      bytes: { DataType: 'Binary.picture', BinaryValue: bytes },
      text: { DataType: 'String', StringValue: 'ä\u2028' },
      number: { DataType: 'Number.int', StringValue: '12' },
    };
    await stage.send(queue, 'no event', {
      MessageAttributes: own,
      MessageSystemAttributes: { AWSTraceHeader: { DataType: 'String', StringValue: XRAY } },
    });
    assert.deepEqual(await invoke(queue, 1), []);
    const [parked] = await stage.parked(queue, 1);
    const { waybill, ...attributes } = parked?.message.MessageAttributes ?? {};
    assert.ok(waybill);
    const { BinaryValue, ...picture } = attributes['bytes'] ?? {};
    assert.deepEqual(Uint8Array.from(BinaryValue ?? []), bytes);
    assert.deepEqual(
      { ...attributes, bytes: picture },
      { ...own, bytes: { DataType: 'Binary.picture' } },
    );
    assert.equal(parked?.message.Attributes?.AWSTraceHeader, XRAY);
  });

  it('answers in time when Temporal does not, and delivers once Temporal does', async () => {
    const queue = await stage.createQueue();
    const silence = await startSilence();
    const connection = Connection.lazy({ address: silence.address, interceptors: [] });
    const invoke = createHandler({
      connect: () => Promise.resolve(new Client({ connection })),
    });
    const ids = [uniqueId('order'), uniqueId('order')];
    await Promise.all(ids.map((id) => stage.send(queue, rawEvent('Begin', id, 'e-1'))));
    const within = invocation(9);
    assert.deepEqual(await invoke(queue, 2, 9), [0, 1]);
    assert.ok(within.getRemainingTimeInMillis() > 0);
    silence.open();
    assert.deepEqual(await invoke(queue, 2), []);
    for (const id of ids) assert.equal((await started(id)).memo?.['eventId'], 'test:e-1');
    silence.close();
    await connection.close();
  });
});

describe('the bridge as a deployed function', () => {
  let stage: BridgeStage;
  let deployed: Awaited<ReturnType<typeof deployFunction>>;

  before(async function () {
    this.timeout(180_000);
    stage = await startBridgeStage(temporalAddress());
    deployed = await deployFunction(stage.account, stage.taskQueue);
  });
  after(async () => {
    await deployed.remove();
    await stage.stop();
  });

  const map = async ({ url }: TestQueue) => deployed.map(await arnOf(stage.sqs, url));

  it('starts each workflow once, parks what is malformed, and delivers what came before its start', async () => {
    const queue = await stage.createQueue();
    const ids = Array.from({ length: 50 }, () => uniqueId('order'));
    const early = uniqueId('order');
    await stage.send(queue, rawEvent('Patient', early, 'early'));
    await stage.sendAll(
      queue,
      ids.map((id) => rawEvent('Begin', id, `begin-${id}`)),
    );
    const bytes = Uint8Array.of(0, 127, 128, 255);
    const MessageAttributes = { bytes: { DataType: 'Binary', BinaryValue: bytes } };
    const malformed = await Promise.all(
      ['{', 'null', '[]'].map((body) => stage.send(queue, body, { MessageAttributes })),
    );
    await map(queue);
    const parked = await stage.parked(queue, malformed.length);
    assert.deepEqual(
      parked.map(({ note }) => String(note?.['messageId'])).toSorted(),
      malformed.toSorted(),
    );
    assert.deepEqual(
      parked.map(({ note }) => note?.['code']),
      ['malformed', 'malformed', 'malformed'],
    );
    for (const { message } of parked) {
      assert.deepEqual(
        Uint8Array.from(message.MessageAttributes?.['bytes']?.BinaryValue ?? []),
        bytes,
      );
    }
    // All but the early one are gone: a failure of one keeps no other.
    await eventually(async () => {
      const { waiting, inFlight } = await stage.depth(queue);
      return waiting + inFlight === 1;
    });
    await stage.send(queue, rawEvent('Begin', early, 'begin'));
    await stage.untilEmpty(queue, 20_000);
    await stage.untilApplied(early, ['early']);
    for (const id of [...ids, early]) {
      const query = `WorkflowId = '${id}'`;
      await eventually(async () => (await stage.client.workflow.count(query)).count === 1);
    }
    assert.deepEqual(await stage.parked(queue, 0), []);
  });

  it('keeps the order of a FIFO group behind a message that comes again, and lets others go on', async () => {
    const queue = await stage.createQueue({ fifo: true });
    const [missing, held, other] = [uniqueId('order'), uniqueId('order'), uniqueId('order')];
    await stage.begin(held, other);
    const send = (group: string, body: object | string) =>
      stage.send(queue, body, { MessageGroupId: group });
    await send('stopped', rawEvent('Event', held, 'h-0'));
    await send('stopped', rawEvent('Patient', missing, 'm-1'));
    const sent = ['h-2', 'h-3', 'h-4'];
    for (const id of sent) await send('stopped', rawEvent('Event', held, id));
    await send('stopped', '{');
    await send('stopped', rawEvent('Patient', missing, 'm-6'));
    for (const id of ['o-1', 'o-2', 'o-3']) await send('going', rawEvent('Event', other, id));
    await map(queue);
    await stage.untilApplied(other, ['o-1', 'o-2', 'o-3']);
    await stage.untilApplied(held, ['h-0']);
    await eventually(async () => {
      const { waiting, inFlight } = await stage.depth(queue);
      return waiting + inFlight === 6;
    });
    await stage.begin(missing);
    await stage.untilEmpty(queue, 20_000);
    await stage.untilApplied(held, ['h-0', ...sent]);
    await stage.untilApplied(missing, ['m-1', 'm-6']);
    const [parked] = await stage.parked(queue, 1);
    assert.equal(parked?.note?.['code'], 'malformed');
    // The clock is the service's: what was behind the head was delivered after it, and the last of all after that.
    const [m1, m6] = await signalled(missing);
    const [, ...behind] = await signalled(held);
    const times = [m1, ...behind, m6].map(Number);
    assert.deepEqual(
      times,
      times.toSorted((one, next) => one - next),
    );
  });

  /** When each signal of a workflow was accepted, in milliseconds. */
  async function signalled(workflowId: string): Promise<number[]> {
    const { events } = await stage.client.workflow.getHandle(workflowId).fetchHistory();
    return (events ?? []).flatMap(
      ({ eventTime, workflowExecutionSignaledEventAttributes: signal }) =>
        signal ? [Number(eventTime?.seconds) * 1_000 + Number(eventTime?.nanos) / 1e6] : [],
    );
  }
});

describe('an invocation of the bridge that runs out of time', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: 1e12 }));
  afterEach(() => mock.timers.reset());

  const never = () => new Promise<never>(() => undefined);
  const event = (id: string) => JSON.stringify(rawEvent('Begin', id, id));

  function stageOf({
    instead = () => undefined,
    connect,
  }: {
    readonly instead?: Parameters<typeof fakeSqs>[0];
    readonly connect?: (client: Client) => Promise<Client>;
  }) {
    const { client, calls } = fakeClient(() => undefined);
    const { sqs, sent } = fakeSqs(instead);
    const handler = lambdaHandler({
      routes: testRoutes('queue'),
      connect: () => (connect ? connect(client) : Promise.resolve(client)),
      sqs,
      logger: capturingLogger().logger,
    });
    /** The failures, or the error's message; `undefined` when there was no answer in time. */
    const invoke = async (
      seconds: number,
      ...records: readonly ReturnType<typeof inventedRecord>[]
    ) => {
      let answer: readonly string[] | string | undefined;
      const context = invocation(seconds);
      handler({ Records: records }, context).then(
        ({ batchItemFailures }) => {
          answer = batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
        },
        (error: Error) => {
          answer = error.message;
        },
      );
      do {
        for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
        if (answer !== undefined || context.getRemainingTimeInMillis() <= 250) return answer;
        mock.timers.tick(250);
      } while (context.getRemainingTimeInMillis() > 0);
      return answer;
    };
    return { calls, sent, invoke };
  }

  it('fails when it never had the time to deliver anything, and says what to change', async () => {
    const { invoke, sent, calls } = stageOf({});
    assert.match(String(await invoke(3, inventedRecord('m', event('w')))), /at least 15 s/);
    assert.deepEqual([sent, calls], [[], []]);
    assert.deepEqual(await invoke(8, inventedRecord('m', event('w'))), []);
  });

  it('begins nothing that the time which connecting left does not allow', async () => {
    const { invoke, calls } = stageOf({
      connect: (client) => {
        mock.timers.tick(9_000);
        return Promise.resolve(client);
      },
    });
    const records = [inventedRecord('m-1', event('w-1')), inventedRecord('m-2', event('w-2'))];
    assert.deepEqual(await invoke(15, ...records), ['m-1', 'm-2']);
    assert.deepEqual(calls, []);
    assert.deepEqual(await invoke(15, ...records), []);
  });

  it('fails in time when it cannot connect, and connects anew the next time', async () => {
    let connects = 0;
    const { invoke, calls } = stageOf({
      connect: (client) => {
        connects += 1;
        return connects === 1 ? never() : Promise.resolve(client);
      },
    });
    assert.match(String(await invoke(15, inventedRecord('m', event('w')))), /Temporal/);
    assert.deepEqual(await invoke(15, inventedRecord('m', event('w'))), []);
    assert.deepEqual(calls, ['w']);
  });

  it('fails in time when SQS does not describe the queue, and asks anew the next time', async () => {
    let asked = 0;
    const { invoke } = stageOf({
      instead: (command) => {
        if (command !== 'GetQueueUrlCommand') return undefined;
        asked += 1;
        return asked === 1 ? never() : undefined;
      },
    });
    assert.match(String(await invoke(15, inventedRecord('m', event('w')))), /queue/);
    assert.deepEqual(await invoke(15, inventedRecord('m', event('w'))), []);
  });

  it('has a failure for what SQS does not park in time, and for what a group has behind it', async () => {
    const { invoke } = stageOf({
      instead: (command) => (command === 'SendMessageCommand' ? never() : undefined),
    });
    const records = [
      inventedRecord('m-1', event('w-1'), 'a'),
      inventedRecord('m-2', 'malformed', 'a'),
      inventedRecord('m-3', event('w-3'), 'a'),
      inventedRecord('m-4', event('w-4'), 'b'),
    ];
    assert.deepEqual(await invoke(15, ...records), ['m-2', 'm-3']);
  });
});
