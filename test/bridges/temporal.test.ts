import assert from 'node:assert/strict';
import {
  Client,
  Connection,
  defaultGrpcRetryOptions,
  makeGrpcRetryInterceptor,
  type ClientInterceptors,
  type ClientOptions,
  type ConnectionOptions,
} from '@temporalio/client';
import type { PayloadCodec } from '@temporalio/common';
import { z } from 'zod';
import { CodecError, isDeadline, nameRefusal } from '../../src/bridges/answer.ts';
import { bridge, on, workflowReference } from '../../src/bridges/index.ts';
import { createTemporal } from '../../src/bridges/temporal.ts';
import type { inboxWorkflow } from '../support/inboxWorkflow.ts';
import {
  capturingLogger,
  rawEvent,
  startBridgeStage,
  type BridgeStage,
} from '../support/bridge.ts';
import { eventually, temporalAddress, uniqueId } from '../support/servers.ts';

describe('the connection to Temporal', () => {
  const clientOver = (options: ConnectionOptions) =>
    new Client({ connection: Connection.lazy({ address: '127.0.0.1:1', ...options }) });

  for (const [what, options] of [
    ['that has the interceptors of the SDK', {}],
    [
      'that has a retry interceptor among its own',
      {
        interceptors: [
          makeGrpcRetryInterceptor({ ...defaultGrpcRetryOptions(), delayFunction: () => 1 }),
        ],
      },
    ],
  ] as const) {
    it(`${what} is refused, with what to do`, async () => {
      const client = clientOver(options as ConnectionOptions);
      assert.throws(() => bridge({ queueUrls: [], routes: [], client }), {
        name: 'TypeError',
        message:
          'client: expected a connection that does not repeat calls, ' +
          'Connection.connect({ interceptors: [] }), received one with the retry interceptor',
      });
      await client.connection.close();
    });
  }

  it('that has none, or others, is taken', async () => {
    for (const interceptors of [[], [(_: unknown, next: unknown) => next]]) {
      const client = clientOver({ interceptors: interceptors as never });
      createTemporal(client);
      await client.connection.close();
    }
  });
});

describe('Temporal as the bridge calls it', () => {
  let stage: BridgeStage;

  before(async function () {
    this.timeout(180_000);
    stage = await startBridgeStage(temporalAddress());
  });
  after(() => stage.stop());

  const clientWith = (options: Omit<ClientOptions, 'connection'>) =>
    new Client({ ...options, connection: stage.client.connection });
  const soon = () => Date.now() + 5_000;

  async function signalsOf(workflowId: string): Promise<number> {
    const { events } = await stage.client.workflow.getHandle(workflowId).fetchHistory();
    return events?.filter((event) => event.workflowExecutionSignaledEventAttributes).length ?? 0;
  }

  it('makes a client of each namespace once, with the options of the one that it was given', () => {
    const interceptors: ClientInterceptors = { workflow: [{}] };
    const client = clientWith({ interceptors, identity: 'the-bridge' });
    const temporal = createTemporal(client);
    const own = temporal.in(undefined);
    const other = temporal.in('other');
    assert.equal(temporal.in(undefined), own);
    assert.equal(temporal.in('other'), other);
    assert.notEqual(other, own);
    assert.deepEqual([own.options.namespace, other.options.namespace], ['default', 'other']);
    for (const { options } of [own, other]) {
      assert.equal(options.identity, 'the-bridge');
      assert.equal(options.interceptors, client.workflow.options.interceptors);
    }
  });

  it('goes through the interceptors of the client', async () => {
    const seen: string[] = [];
    const client = clientWith({
      interceptors: {
        workflow: [
          {
            async startWithDetails(input, next) {
              seen.push(`start ${input.options.workflowId}`);
              return await next(input);
            },
            async signal(input, next) {
              seen.push(`signal ${input.signalName}`);
              await next(input);
            },
          },
        ],
      },
    });
    const temporal = createTemporal(client);
    const workflowId = uniqueId('order');
    const { taskQueue } = stage;
    await temporal.call(soon(), 'r-1', async () => {
      const handle = await temporal
        .in(undefined)
        .start('inboxWorkflow', { workflowId, taskQueue, args: [] });
      await handle.signal('waybill.events', []);
    });
    assert.deepEqual(seen, [`start ${workflowId}`, 'signal waybill.events']);
  });

  it('gives signals the ID of their call, and others one that is drawn', async () => {
    const temporal = createTemporal(stage.client);
    const client = temporal.in(undefined);
    const workflowId = uniqueId('order');
    // While no worker has a task of it, every signal is in its history at once.
    const taskQueue = uniqueId('unpolled');
    await client.start('inboxWorkflow', { workflowId, taskQueue, args: [] });
    const signal = () => client.getHandle(workflowId).signal('waybill.events', []);
    const signalWithStart = () =>
      client.signalWithStart('inboxWorkflow', {
        workflowId,
        taskQueue,
        signal: 'waybill.events',
        signalArgs: [[]],
      });
    await Promise.all(['r-1', 'r-2', 'r-1'].map((id) => temporal.call(soon(), id, signal)));
    assert.equal(await signalsOf(workflowId), 2);
    for (const id of ['r-3', 'r-3']) await temporal.call(soon(), id, signalWithStart);
    assert.equal(await signalsOf(workflowId), 3);
    await signal();
    await signal();
    assert.equal(await signalsOf(workflowId), 5);
    await client.getHandle(workflowId).terminate();
  });

  it('gives up a call that hangs before it is made, in a codec or an interceptor (FAULTS 10)', async () => {
    const temporal = createTemporal(stage.client);
    const hanging = temporal.call(Date.now() + 50, 'r-1', () => new Promise(() => undefined));
    await assert.rejects(
      hanging,
      (error) => isDeadline(error) && nameRefusal(error) === 'unavailable',
    );
    assert.equal(isDeadline(new Error('x', { cause: new CodecError('no key') })), false);
  });

  it('gives up a call at its deadline', async () => {
    const temporal = createTemporal(stage.client);
    const describeIt = () => temporal.in(undefined).getHandle('any').describe();
    await assert.rejects(temporal.call(Date.now() - 1, 'r-1', describeIt), (error) => {
      assert.equal(nameRefusal(error), 'unavailable');
      return true;
    });
  });

  describe('when a payload codec throws', () => {
    /** Passes everything on as it is, but where it is told to throw. */
    class Codec implements PayloadCodec {
      broken: 'encode' | 'decode' | undefined;
      async encode(payloads: Parameters<PayloadCodec['encode']>[0]) {
        if (this.broken === 'encode') throw new Error('no key');
        return payloads;
      }
      // Not every codec is asynchronous.
      decode(payloads: Parameters<PayloadCodec['decode']>[0]) {
        if (this.broken === 'decode') throw new Error('no key');
        return Promise.resolve(payloads);
      }
    }

    let stopping: AbortController;
    beforeEach(() => void (stopping = new AbortController()));
    // A test that fails would leave its bridge running.
    afterEach(() => stopping.abort());

    for (const direction of ['encode', 'decode'] as const) {
      it(`at ${direction}, parks nothing, and delivers everything once it works again`, async () => {
        const codec = new Codec();
        const queue = await stage.createQueue();
        const { logger, lines } = capturingLogger();
        const running = bridge({
          queueUrls: [queue.url],
          routes: [
            on('test', 'Begin', z.object({ id: z.string() })).start(
              workflowReference<typeof inboxWorkflow>('inboxWorkflow', stage.taskQueue),
              ({ data: { id } }) => ({ workflowId: id, args: [] }),
            ),
          ],
          client: clientWith({ dataConverter: { payloadCodecs: [codec] } }),
          sqs: stage.sqs,
          logger,
        }).run(stopping.signal);
        const [known, fresh] = [uniqueId('order'), uniqueId('order')];
        await stage.send(queue, rawEvent('Begin', known, 'e-1'));
        await stage.untilEmpty(queue);

        codec.broken = direction;
        // The memo of a workflow that is there already is decoded.
        await stage.send(queue, rawEvent('Begin', known, 'e-2'));
        await eventually(() => lines('breaker open').length > 0);
        await stage.send(queue, rawEvent('Begin', fresh, 'e-3'));
        const [open] = lines('breaker open');
        assert.equal(open?.code, 'denied');
        assert.match(String(open['reason']), /payload codec: Error: no key/);
        assert.equal(lines('settled').length, 1);

        codec.broken = undefined;
        await stage.untilEmpty(queue);
        const outcomes = lines('settled').map(({ outcome }) => outcome);
        assert.deepEqual(outcomes, ['delivered', 'duplicate', 'delivered']);
        await stage.parked(queue, 0);
        stopping.abort();
        await running;
      });
    }
  });
});
