import assert from 'node:assert/strict';
import { join } from 'node:path';
import { WorkflowClient } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { NativeConnection, Worker } from '@temporalio/worker';
import { z } from 'zod';
import {
  followUp,
  on,
  workflowReference,
  type Route,
  type WorkflowReference,
} from '../../src/bridges/index.ts';
import { createTelemetry } from '../../src/platform/telemetry.ts';
import { bundleWorkflows } from '../../src/platform/workflowBundle.ts';
import { rawEvent, startBridgeStage, type BridgeStage } from '../support/bridge.ts';
import { eventually, temporalAddress, uniqueId } from '../support/servers.ts';
import {
  BROKEN,
  endSignal,
  silentUpdate,
  takenQuery,
  takeSignal,
  takeUpdate,
  UNWANTED,
  type takingWorkflow,
} from '../support/takingWorkflow.ts';

const data = z.object({ id: z.string(), note: z.string() });
const TARGET = { early: '60s', late: 'acknowledge' } as const;

const WORKFLOWS = join(import.meta.dirname, '../support/takingWorkflow.ts');

describe('an operation', () => {
  let stage: BridgeStage;
  let workflow: WorkflowReference<typeof takingWorkflow>;

  before(async function () {
    this.timeout(180_000);
    stage = await startBridgeStage(temporalAddress(), WORKFLOWS);
    workflow = workflowReference('takingWorkflow', stage.taskQueue);
  });
  after(() => stage.stop());

  /** A bridge of one queue, and how to give it an event: what it says of the workflow is its ID and a note. */
  async function bridgeWith(...routes: readonly Route[]) {
    const queue = await stage.createQueue();
    const bridge = stage.startBridge([queue], { routes });
    return {
      ...bridge,
      queue,
      send: (type: string, id: string, eventId: string, note: string = eventId) =>
        stage.send(queue, rawEvent(type, id, eventId, { note })),
      /** So that what comes next comes behind it. */
      async settle(type: string, id: string, eventId: string, note: string = eventId) {
        await this.send(type, id, eventId, note);
        await stage.untilEmpty(queue);
      },
    };
  }

  const handle = (id: string) => stage.client.workflow.getHandle(id);
  const taken = (id: string) => handle(id).query(takenQuery);

  async function begin(id: string, taskQueue = stage.taskQueue): Promise<void> {
    await stage.client.workflow.start('takingWorkflow', { workflowId: id, taskQueue });
  }

  async function end(id: string): Promise<void> {
    await handle(id).signal(endSignal);
    await handle(id).result();
  }

  async function isThere(id: string): Promise<boolean> {
    return await handle(id)
      .describe()
      .then(
        () => true,
        () => false,
      );
  }

  const start = (type = 'Begin') =>
    on('test', type, data).start(workflow, ({ data: { id } }) => ({ workflowId: id, args: [] }));

  describe('signal', () => {
    const signal = (type: string, own: Partial<Parameters<typeof completeSignal>[1]> = {}) =>
      completeSignal(type, { ...TARGET, ...own });
    const completeSignal = (
      type: string,
      own: Parameters<ReturnType<typeof on<typeof data>>['signal']>[2],
    ) =>
      on('test', type, data).signal(
        takeSignal,
        ({ data: { id, note } }) => ({ workflowId: id, args: [note] }),
        own,
      );

    it('reaches its workflow once, however often the event comes', async () => {
      const bridge = await bridgeWith(signal('Note'));
      const id = uniqueId('taking');
      await begin(id);
      for (const eventId of ['e-1', 'e-1', 'e-2', 'e-1']) {
        await bridge.settle('Note', id, eventId);
      }
      assert.deepEqual(await taken(id), ['e-1', 'e-2']);
      assert.deepEqual(
        bridge.outcomes(),
        Array.from({ length: 4 }, () => 'delivered'),
      );
      await bridge.stop();
    });

    it('waits for its workflow, and is parked past its limit where that never existed', async () => {
      const bridge = await bridgeWith(start(), signal('Note', { early: 1_500 }));
      const [early, never] = [uniqueId('taking'), uniqueId('taking')];
      await bridge.send('Note', early, 'e-1');
      await bridge.send('Note', never, 'e-2');
      await eventually(
        () => bridge.outcomes().filter((each) => each === 'released early').length >= 2,
      );
      await bridge.send('Begin', early, 'e-0');
      const [parked] = await stage.parked(bridge.queue, 1);
      await stage.untilEmpty(bridge.queue);
      assert.deepEqual(await taken(early), ['e-1']);
      assert.equal(parked?.note?.['code'], 'early');
      assert.equal(parked?.note?.['eventId'], 'test:e-2');
      assert.equal(parked?.note?.['reason'], `${never} did not come to exist within 1.5 s`);
      assert.equal(await isThere(never), false);
      await bridge.stop();
    });

    it('that comes too late is acknowledged, or parked where the route says so', async () => {
      const bridge = await bridgeWith(signal('Note'), signal('Strict', { late: 'park', early: 0 }));
      const id = uniqueId('taking');
      await begin(id);
      await end(id);
      await bridge.settle('Note', id, 'e-1');
      await bridge.send('Strict', id, 'e-2');
      const [parked] = await stage.parked(bridge.queue, 1);
      assert.deepEqual(bridge.outcomes(), ['late', 'parked late']);
      assert.equal(parked?.note?.['reason'], `${id} is closed`);
      await bridge.stop();
    });

    it('that comes too late starts its follow-up once', async () => {
      const late = followUp<[], z.infer<typeof data>>(workflow, ({ data: { id } }) => ({
        workflowId: `${id}:after`,
        args: [],
      }));
      const bridge = await bridgeWith(signal('Note', { late }));
      const id = uniqueId('taking');
      await begin(id);
      await end(id);
      await bridge.settle('Note', id, 'e-1', 'this');
      await bridge.settle('Note', id, 'e-2', 'this');
      await bridge.send('Note', id, 'e-3', 'other');
      const [parked] = await stage.parked(bridge.queue, 1);
      assert.deepEqual(bridge.outcomes(), ['delivered', 'duplicate', 'parked conflict']);
      assert.equal(parked?.note?.['reason'], `${id}:after was started before with other content`);
      const { memo, status } = await handle(`${id}:after`).describe();
      assert.equal(status.name, 'RUNNING');
      assert.equal(memo?.['eventId'], 'test:e-1');
      assert.equal((await handle(id).describe()).status.name, 'COMPLETED');
      await bridge.stop();
    });
  });

  describe('signalWithStart', () => {
    const signalWithStart = (type: string, late: 'acknowledge' | 'park' = 'acknowledge') =>
      on('test', type, data).signalWithStart(
        workflow,
        takeSignal,
        ({ data: { id, note } }) => ({ workflowId: id, args: [], signalArgs: [note] }),
        { late },
      );

    it('starts its workflow, and signals it when it runs', async () => {
      const bridge = await bridgeWith(signalWithStart('Note'));
      const id = uniqueId('taking');
      await bridge.settle('Note', id, 'e-1');
      const { runId, memo } = await handle(id).describe();
      assert.equal(memo?.['eventId'], 'test:e-1');
      for (const eventId of ['e-1', 'e-2', 'e-2']) await bridge.settle('Note', id, eventId);
      assert.deepEqual(await taken(id), ['e-1', 'e-2']);
      assert.equal((await handle(id).describe()).runId, runId);
      assert.deepEqual(
        bridge.outcomes(),
        Array.from({ length: 4 }, () => 'delivered'),
      );
      await bridge.stop();
    });

    it('starts nothing again after the end: that is too late', async () => {
      const bridge = await bridgeWith(signalWithStart('Note'), signalWithStart('Strict', 'park'));
      const id = uniqueId('taking');
      await bridge.settle('Note', id, 'e-1');
      await end(id);
      await bridge.settle('Note', id, 'e-2');
      await bridge.send('Strict', id, 'e-3');
      const [parked] = await stage.parked(bridge.queue, 1);
      assert.deepEqual(bridge.outcomes(), ['delivered', 'late', 'parked late']);
      assert.equal(parked?.note?.['reason'], `${id} is closed`);
      assert.equal((await handle(id).describe()).status.name, 'COMPLETED');
      assert.deepEqual(await handle(id).result(), ['e-1']);
      await bridge.stop();
    });
  });

  type Refused = { readonly refused?: 'acknowledge' | 'park'; readonly late?: 'park' };
  const update = (type: string, { refused = 'park', late }: Refused = {}, reference = takeUpdate) =>
    on('test', type, data).update(
      reference,
      ({ data: { id, note } }) => ({ workflowId: id, args: [note] }),
      { ...TARGET, refused, ...(late && { late }) },
    );
  const updateWithStart = (
    type: string,
    { refused = 'park', late }: Refused = {},
    reference = workflow,
  ) =>
    on('test', type, data).updateWithStart(
      reference,
      takeUpdate,
      ({ data: { id, note } }) => ({ workflowId: id, args: [], updateArgs: [note] }),
      { late: late ?? 'acknowledge', refused },
    );

  for (const [name, route] of [
    ['update', update],
    ['updateWithStart', updateWithStart],
  ] as const) {
    describe(name, () => {
      it('is delivered once its handler has answered, and repeats are not executed', async () => {
        const bridge = await bridgeWith(route('Note'));
        const id = uniqueId('taking');
        if (name === 'update') await begin(id);
        await bridge.settle('Note', id, 'e-1');
        assert.deepEqual(await taken(id), ['e-1']);
        for (const eventId of ['e-1', 'e-2', 'e-2']) await bridge.settle('Note', id, eventId);
        assert.deepEqual(await taken(id), ['e-1', 'e-2']);
        assert.deepEqual(
          bridge.outcomes(),
          Array.from({ length: 4 }, () => 'delivered'),
        );
        await bridge.stop();
      });

      for (const [who, note, reason] of [
        ['its validator refuses', UNWANTED, 'not this one'],
        ['its handler fails at', BROKEN, 'it broke'],
      ] as const) {
        it(`that ${who} is parked with the reason, or acknowledged`, async () => {
          const bridge = await bridgeWith(
            route('Note'),
            route('Lenient', { refused: 'acknowledge' }),
          );
          const id = uniqueId('taking');
          await begin(id);
          await bridge.send('Note', id, 'e-1', note);
          const [parked] = await stage.parked(bridge.queue, 1);
          await stage.untilEmpty(bridge.queue);
          assert.equal(parked?.note?.['code'], 'refused');
          assert.equal(parked?.note?.['reason'], reason);
          assert.equal(parked?.note?.['workflowId'], id);
          await bridge.settle('Lenient', id, 'e-2', note);
          await bridge.settle('Note', id, 'e-3');
          assert.deepEqual(bridge.outcomes(), ['parked refused', 'refused', 'delivered']);
          assert.deepEqual(await taken(id), note === BROKEN ? [BROKEN, BROKEN, 'e-3'] : ['e-3']);
          assert.deepEqual(bridge.lines('breaker open'), []);
          await bridge.stop();
        });
      }

      it('that comes after the end is too late', async () => {
        const bridge = await bridgeWith(route('Note'), route('Strict', { late: 'park' }));
        const id = uniqueId('taking');
        await begin(id);
        await end(id);
        await bridge.settle('Note', id, 'e-1');
        await bridge.send('Strict', id, 'e-2');
        const [parked] = await stage.parked(bridge.queue, 1);
        assert.deepEqual(bridge.outcomes(), ['late', 'parked late']);
        assert.equal(parked?.note?.['reason'], `${id} is closed`);
        assert.deepEqual(await handle(id).result(), []);
        await bridge.stop();
      });
    });
  }

  it('update waits for a workflow that does not exist yet', async () => {
    const bridge = await bridgeWith(update('Note'), start());
    const id = uniqueId('taking');
    await bridge.send('Note', id, 'e-1');
    await eventually(() => bridge.outcomes().includes('released early'));
    await bridge.send('Begin', id, 'e-0');
    await stage.untilEmpty(bridge.queue);
    assert.deepEqual(await taken(id), ['e-1']);
    await bridge.stop();
  });

  it('that no worker answers comes again until one does; the others go on', async function () {
    this.timeout(180_000);
    const unpolled = uniqueId('unpolled');
    const bridge = await bridgeWith(
      start(),
      update('Note'),
      update('Silent', {}, silentUpdate),
      updateWithStart('First', {}, { ...workflow, taskQueue: unpolled }),
    );
    const [asked, first, silent, other] = Array.from({ length: 4 }, () => uniqueId('taking'));
    assert.ok(asked && first && silent && other);
    await begin(asked, unpolled);
    await begin(silent);
    await bridge.send('Note', asked, 'e-1');
    await bridge.send('First', first, 'e-2');
    await bridge.send('Silent', silent, 'e-3');
    await eventually(async () => (await taken(silent)).length > 0);
    await bridge.send('Begin', other, 'e-4');
    await eventually(() => bridge.outcomes().includes('delivered'));
    await eventually(() => bridge.outcomes().length >= 4, { within: 20_000 });
    assert.deepEqual(bridge.outcomes().slice(0, 4), [
      'delivered',
      'released unanswered',
      'released unanswered',
      'released unanswered',
    ]);
    const connection = await NativeConnection.connect({ address: temporalAddress() });
    try {
      const worker = await Worker.create({
        connection,
        taskQueue: unpolled,
        plugins: [createTelemetry()],
        workflowBundle: await bundleWorkflows(WORKFLOWS),
      });
      await worker.runUntil(async () => {
        await eventually(
          () => bridge.outcomes().filter((outcome) => outcome === 'delivered').length === 3,
          { within: 20_000 },
        );
        assert.deepEqual(await taken(asked), ['e-1']);
        assert.deepEqual(await taken(first), ['e-2']);
      });
    } finally {
      await connection.close();
    }
    assert.deepEqual(await taken(silent), ['e-3']);
    assert.deepEqual(bridge.lines('breaker open'), []);
    await stage.parked(bridge.queue, 0);
    await bridge.stop();
  });

  it('ignore acknowledges, and so does what `when` turns down', async () => {
    const bridge = await bridgeWith(
      on('test', 'Noise', data).ignore(),
      on('test', 'Begin', data, { when: ({ data: { note } }) => note === 'wanted' }).start(
        workflow,
        ({ data: { id } }) => ({ workflowId: id, args: [] }),
      ),
    );
    const [unwanted, wanted] = [uniqueId('taking'), uniqueId('taking')];
    await bridge.settle('Noise', unwanted, 'e-1');
    await bridge.settle('Begin', unwanted, 'e-2', 'unwanted');
    await bridge.settle('Begin', wanted, 'e-3', 'wanted');
    assert.deepEqual(bridge.outcomes(), ['ignored', 'ignored', 'delivered']);
    assert.equal(await isThere(unwanted), false);
    assert.equal(await isThere(wanted), true);
    await stage.parked(bridge.queue, 0);
    await bridge.stop();
  });

  it('goes to the task queue that its route names', async () => {
    const bridge = await bridgeWith(
      on('test', 'Begin', data, { taskQueue: 'elsewhere' }).start(workflow, ({ data: { id } }) => ({
        workflowId: id,
        args: [],
      })),
    );
    const id = uniqueId('taking');
    await bridge.settle('Begin', id, 'e-1');
    assert.equal((await handle(id).describe()).taskQueue, 'elsewhere');
    await handle(id).terminate();
    await bridge.stop();
  });

  it('goes to the namespace that its route names, once that is there', async function () {
    this.timeout(180_000);
    const namespace = uniqueId('namespace');
    const { connection: service } = stage.client;
    const bridge = await bridgeWith(
      start(),
      on('test', 'Elsewhere', data, { namespace }).start(workflow, ({ data: { id } }) => ({
        workflowId: id,
        args: [],
      })),
    );
    const [here, there] = [uniqueId('taking'), uniqueId('taking')];
    await bridge.send('Elsewhere', there, 'e-1');
    await eventually(() => bridge.lines('breaker open').length > 0);
    assert.equal(bridge.lines('breaker open')[0]?.code, 'denied');
    await bridge.send('Begin', here, 'e-2');
    assert.deepEqual(bridge.outcomes(), []);
    await service.workflowService.registerNamespace({
      namespace,
      workflowExecutionRetentionPeriod: msToTs('1 day'),
    });
    await stage.untilEmpty(bridge.queue, 40_000);
    assert.deepEqual(bridge.outcomes(), ['delivered', 'delivered']);
    await stage.parked(bridge.queue, 0);
    const other = new WorkflowClient({ connection: service, namespace });
    assert.equal((await other.getHandle(there).describe()).memo?.['eventId'], 'test:e-1');
    assert.equal(await isThere(there), false);
    assert.equal(await isThere(here), true);
    await bridge.stop();
  });

  describe('of a message of several records', () => {
    const note = (type: string, schema: z.ZodType<z.infer<typeof data>> = data) =>
      on('test', type, schema).update(
        takeUpdate,
        ({ data: event }) => ({ workflowId: event.id, args: [event.note] }),
        { ...TARGET, refused: 'park' },
      );
    const record = (type: string, id: string, text: string) => ({
      source: 'test',
      type,
      data: { id, note: text },
    });

    it('is each delivered, under an ID of its own', async () => {
      const bridge = await bridgeWith(note('Note'));
      const [one, other] = [uniqueId('taking'), uniqueId('taking')];
      await begin(one);
      await begin(other);
      await stage.send(bridge.queue, [
        record('Note', one, 'a'),
        record('Note', other, 'b'),
        record('Note', one, 'c'),
      ]);
      await stage.untilEmpty(bridge.queue);
      assert.deepEqual(await taken(one), ['a', 'c']);
      assert.deepEqual(await taken(other), ['b']);
      assert.deepEqual(
        bridge.lines('settled').map(({ outcome }) => outcome),
        ['delivered', 'delivered', 'delivered'],
      );
      assert.deepEqual(
        new Set(bridge.lines('settled').map(({ eventId }) => String(eventId).split('#')[1])),
        new Set(['0', '1', '2']),
      );
      await bridge.stop();
    });

    it('is parked for those that cannot be, and sent back delivers them alone', async () => {
      let isDeployed = false;
      const bridge = await bridgeWith(
        note('Note'),
        note(
          'New',
          data.refine(() => isDeployed),
        ),
      );
      const id = uniqueId('taking');
      await begin(id);
      const messageId = await stage.send(bridge.queue, [
        record('Note', id, 'a'),
        record('New', id, 'b'),
        record('Note', id, 'c'),
      ]);
      const [parked] = await stage.parked(bridge.queue, 1);
      await stage.untilEmpty(bridge.queue);
      assert.deepEqual(parked?.note?.['records'], [1]);
      assert.equal(parked.note['code'], 'malformed');
      assert.equal(parked.note['eventId'], `test:${messageId}#1`);
      assert.deepEqual(await taken(id), ['a', 'c']);
      const before = bridge.outcomes().length;

      isDeployed = true;
      await stage.send(bridge.queue, parked.message.Body ?? '', {
        MessageAttributes: parked.message.MessageAttributes,
      });
      await stage.untilEmpty(bridge.queue);
      assert.deepEqual(await taken(id), ['a', 'c', 'b']);
      const [again, ...more] = bridge.lines('settled').slice(before);
      assert.equal(again?.outcome, 'delivered');
      assert.equal(again?.['eventId'], `test:${messageId}#1`);
      assert.deepEqual(more, []);
      await stage.parked(bridge.queue, 0);
      await bridge.stop();
    });
  });
});
