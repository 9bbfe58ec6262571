import assert from 'node:assert/strict';
import { z } from 'zod';
import { followUp, on, workflowReference } from '../../src/bridges/index.ts';
import { inboxSignal } from '../../src/contracts/inbox.ts';
import { EARLY_SECONDS, rawEvent, startBridgeStage, type BridgeStage } from '../support/bridge.ts';
import { eventually, temporalAddress, uniqueId } from '../support/servers.ts';

describe('the bridge', () => {
  let stage: BridgeStage;

  before(async function () {
    this.timeout(180_000);
    stage = await startBridgeStage(temporalAddress());
  });
  after(() => stage.stop());

  it('starts a workflow, and puts the ID and a hash of the content into its memo', async () => {
    const queue = await stage.createQueue();
    const bridge = stage.startBridge([queue]);
    const id = uniqueId('order');
    await stage.send(queue, rawEvent('Begin', id, 'e-1'));
    await stage.untilEmpty(queue);
    const { memo, type } = await stage.client.workflow.getHandle(id).describe();
    assert.equal(type, 'inboxWorkflow');
    assert.equal(memo?.['eventId'], 'test:e-1');
    assert.match(String(memo?.['contentHash']), /^[0-9a-f]{64}$/);
    assert.deepEqual(bridge.outcomes(), ['delivered']);
    await bridge.stop();
  });

  it('acknowledges a start that came before, and parks one with other content', async () => {
    const queue = await stage.createQueue();
    const bridge = stage.startBridge([queue]);
    const id = uniqueId('order');
    await stage.send(queue, rawEvent('Begin', id, 'e-1', { note: 'a' }));
    await stage.untilEmpty(queue);
    // Another ID and order of keys, and a field that the schema does not know.
    const data = { unknown: 'field', note: 'a', id, version: 1 };
    await stage.send(queue, { type: 'Begin', source: 'test', data });
    await stage.untilEmpty(queue);
    await stage.send(queue, rawEvent('Begin', id, 'e-2', { note: 'b' }));
    const [parked] = await stage.parked(queue, 1);
    assert.deepEqual(bridge.outcomes(), ['delivered', 'duplicate', 'parked conflict']);
    assert.equal(parked?.note?.['code'], 'conflict');
    assert.equal(parked?.note?.['reason'], `${id} was started before with other content`);
    assert.equal(bridge.lines('settled').at(-1)?.['workflowId'], id);
    await bridge.stop();
  });

  it('delivers one message that two bridges have at once one time (FAULTS 3)', async () => {
    const queues = [await stage.createQueue(), await stage.createQueue()] as const;
    const bridges = queues.map((queue) => stage.startBridge([queue]));
    const id = uniqueId('order');
    await Promise.all(queues.map((queue) => stage.send(queue, rawEvent('Begin', id, 'e-1'))));
    await Promise.all(queues.map((queue) => stage.untilEmpty(queue)));
    await Promise.all(queues.map((queue) => stage.send(queue, rawEvent('Event', id, 'e-2'))));
    await Promise.all(queues.map((queue) => stage.untilEmpty(queue)));
    await stage.untilApplied(id, ['e-2']);
    // The service drops the repeat by its request ID, before the inbox would.
    assert.equal((await stage.inbox(id)).repeats, 0);
    assert.deepEqual(bridges.flatMap(({ outcomes }) => outcomes()).toSorted(), [
      'delivered',
      'delivered',
      'delivered',
      'duplicate',
    ]);
    await Promise.all(bridges.map((bridge) => bridge.stop()));
  });

  it('keeps an event that comes before its start until then, and parks it past the limit (FAULTS 5)', async () => {
    const queue = await stage.createQueue();
    const bridge = stage.startBridge([queue]);
    const [early, never] = [uniqueId('order'), uniqueId('order')];
    await stage.send(queue, rawEvent('Event', early, 'e-1'));
    await stage.send(queue, rawEvent('Event', never, 'e-2'));
    await eventually(() => bridge.outcomes().includes('released early'));
    await stage.send(queue, rawEvent('Begin', early, 'e-0'));
    const [parked] = await stage.parked(queue, 1);
    await stage.untilApplied(early, ['e-1']);
    const { code, reason, eventId, route, receives, firstSeen } = parked?.note ?? {};
    assert.deepEqual([code, eventId, route], ['early', 'test:e-2', 'test Event']);
    assert.equal(reason, `${never} did not come to exist within ${EARLY_SECONDS} s`);
    assert.ok(Number(receives) >= 2 && Number(receives) <= 4, `${String(receives)} receives`);
    assert.ok(Date.now() - Date.parse(String(firstSeen)) >= EARLY_SECONDS * 1_000);
    await stage.untilEmpty(queue);
    await bridge.stop();
  });

  it('acknowledges what comes too late, or parks it where the route says so', async () => {
    const queue = await stage.createQueue();
    const bridge = stage.startBridge([queue]);
    const id = uniqueId('order');
    await stage.send(queue, rawEvent('Begin', id, 'e-1'));
    await stage.untilEmpty(queue);
    await stage.send(queue, rawEvent('End', id, 'e-2'));
    await stage.client.workflow.getHandle(id).result();
    await stage.send(queue, rawEvent('Event', id, 'e-3'));
    await stage.untilEmpty(queue);
    await stage.send(queue, rawEvent('Strict', id, 'e-4'));
    const [parked] = await stage.parked(queue, 1);
    assert.deepEqual(bridge.outcomes(), ['delivered', 'delivered', 'late', 'parked late']);
    assert.equal(parked?.note?.['reason'], `${id} is closed`);
    await bridge.stop();
  });

  it('acknowledges a start that came before and has ended (FAULTS 4)', async () => {
    const queue = await stage.createQueue();
    const bridge = stage.startBridge([queue]);
    const id = uniqueId('order');
    await stage.send(queue, rawEvent('Begin', id, 'e-1'));
    await stage.untilEmpty(queue);
    await stage.send(queue, rawEvent('End', id, 'e-2'));
    await stage.client.workflow.getHandle(id).result();
    await stage.send(queue, rawEvent('Begin', id, 'e-1'));
    await stage.untilEmpty(queue);
    assert.deepEqual(bridge.outcomes(), ['delivered', 'delivered', 'duplicate']);
    await bridge.stop();
  });

  it('knows what a closed workflow dealt with when it comes again, and parks only the rest', async () => {
    const queue = await stage.createQueue({ fifo: true });
    const id = uniqueId('order');
    await stage.begin(id);
    const group = { MessageGroupId: id };
    const handle = stage.client.workflow.getHandle(id);
    await handle.signal(inboxSignal, [
      { id: 'test:e-1', type: 'Strict', data: null },
      { id: 'test:e-2', type: 'End', data: null },
    ]);
    await handle.result();
    // Together, as one call: the service would know a single one by its request ID.
    for (const eventId of ['e-1', 'e-3', 'e-4']) {
      await stage.send(queue, rawEvent('Strict', id, eventId), group);
    }
    const bridge = stage.startBridge([queue]);
    const parked = await stage.parked(queue, 2);
    await stage.untilEmpty(queue);
    assert.deepEqual(
      parked.map(({ note }) => note?.['eventId']),
      ['test:e-3', 'test:e-4'],
    );
    assert.equal(bridge.outcomes()[0], 'duplicate');
    await bridge.stop();
  });

  it('gives each event of a closed workflow what its own route says, also of those that came together', async () => {
    const queue = await stage.createQueue({ fifo: true });
    const id = uniqueId('order');
    await stage.begin(id);
    const handle = stage.client.workflow.getHandle(id);
    await handle.signal(inboxSignal, [{ id: 'test:e-0', type: 'End', data: null }]);
    await handle.result();
    const data = z.object({ id: z.string() });
    const next = workflowReference<() => Promise<unknown>>('inboxWorkflow', stage.taskQueue);
    const early = '1m';
    const idOf = (event: { data: { id: string } }) => event.data.id;
    const routes = [
      on('test', 'Follow', data).inbox(idOf, {
        early,
        late: followUp(next, (event) => ({ workflowId: `${id}-${event.id}`, args: [] })),
      }),
      on('test', 'Strict', data).inbox(idOf, { early, late: 'park' }),
      on('test', 'Event', data).inbox(idOf, { early, late: 'acknowledge' }),
    ];
    for (const [index, type] of ['Event', 'Follow', 'Strict', 'Follow'].entries()) {
      await stage.send(queue, rawEvent(type, id, `e-${index + 1}`), { MessageGroupId: id });
    }
    const bridge = stage.startBridge([queue], { routes });
    await stage.untilEmpty(queue);
    const [parked] = await stage.parked(queue, 1);
    assert.equal(parked?.note?.['eventId'], 'test:e-3');
    assert.deepEqual(bridge.outcomes(), ['late', 'delivered', 'parked late', 'delivered']);
    for (const eventId of ['test:e-2', 'test:e-4']) {
      const { memo } = await stage.client.workflow.getHandle(`${id}-${eventId}`).describe();
      assert.equal(memo?.['eventId'], eventId);
    }
    await bridge.stop();
  });

  describe('what can never be delivered (FAULTS 6, 28, 30)', () => {
    const ATTRIBUTES = {
      text: { DataType: 'String', StringValue: 'ä' },
      number: { DataType: 'Number.int', StringValue: '5' },
      bytes: { DataType: 'Binary', BinaryValue: Uint8Array.of(0, 255) },
    };

    it('is parked unchanged with its reason, and its neighbours are delivered', async () => {
      const queue = await stage.createQueue();
      const id = uniqueId('order');
      await stage.begin(id);
      const poison = [
        ['', 'not JSON', 'malformed', null, /^body: expected JSON/],
        [
          'e-1',
          rawEvent('Unknown', id, 'e-1'),
          'unknown-type',
          'test Unknown',
          /^no route takes source test, type Unknown$/,
        ],
        [
          'e-2',
          rawEvent('Event', id, 'e-2', { version: 2 }),
          'unknown-version',
          'test Event',
          /^version: .*expected 1, received 2$/,
        ],
        ['e-3', rawEvent('Event', id, 'e-3', { id: 5 }), 'malformed', 'test Event', /^id: /],
        [
          '',
          '{"source":"test","type":"Event","data":{"__proto__":{}}}',
          'malformed',
          'test Event',
          /^data.__proto__: a key that is not allowed$/,
        ],
      ] as const;
      const sent = new Map<string, number>();
      for (const [index, [, body]] of poison.entries()) {
        const text = typeof body === 'string' ? body : JSON.stringify(body);
        await stage.send(queue, text, { MessageAttributes: ATTRIBUTES });
        sent.set(text, index);
        await stage.send(queue, rawEvent('Event', id, `good-${index}`));
      }
      const bridge = stage.startBridge([queue]);
      const parked = await stage.parked(queue, poison.length);
      for (const { message, note } of parked) {
        const [eventId, , code, route, reason] = poison[sent.get(message.Body ?? '') ?? -1] ?? [];
        assert.equal(note?.['code'], code);
        assert.equal(note?.['route'], route);
        assert.match(
          String(note?.['eventId']),
          eventId ? new RegExp(`^test:${eventId}$`) : /^null$|^test:[0-9a-f-]{36}$/,
        );
        assert.match(String(note?.['reason']), reason ?? /^$/);
        assert.equal(note?.['receives'], 1);
        const { waybill: _, ...attributes } = message.MessageAttributes ?? {};
        assert.deepEqual(attributes, ATTRIBUTES);
      }
      await stage.untilEmpty(queue);
      const { records } = await stage.inbox(id);
      assert.deepEqual(
        records.map((record) => record.id).toSorted(),
        poison.map((_, index) => `test:good-${index}`),
      );
      await bridge.stop();
    });

    it('is parked without its note where that does not fit (FAULTS 7)', async () => {
      const queue = await stage.createQueue();
      const bridge = stage.startBridge([queue]);
      const ten = Object.fromEntries(
        Array.from({ length: 10 }, (_, index) => [`a${index}`, ATTRIBUTES.text]),
      );
      await stage.send(queue, 'not JSON', { MessageAttributes: ten });
      const [full] = await stage.parked(queue, 1);
      assert.deepEqual(full?.message.MessageAttributes, ten);
      const largest = JSON.stringify(rawEvent('Event', 'x'.repeat(1_048_576 - 77), 'e-1'));
      assert.equal(Buffer.byteLength(largest), 1_048_576);
      await stage.send(queue, largest);
      const [large] = await stage.parked(queue, 1);
      assert.equal(large?.message.Body, largest);
      assert.equal(large?.message.MessageAttributes, undefined);
      assert.equal(bridge.lines('parked without a note').length, 2);
      assert.deepEqual(bridge.outcomes(), ['parked malformed', 'parked too-large']);
      // As long as there is room, there is a note.
      await stage.send(queue, largest.slice(0, -2_000));
      const [noted] = await stage.parked(queue, 1);
      assert.equal(noted?.note?.['code'], 'too-large');
      await stage.untilEmpty(queue);
      await bridge.stop();
    });

    it('is parked on a FIFO queue as often as it comes, under the ID of the first time (FAULTS 14)', async () => {
      const queue = await stage.createQueue({ fifo: true });
      const bridge = stage.startBridge([queue]);
      const group = { MessageGroupId: 'g' };
      await stage.send(queue, rawEvent('Unknown', 'x', 'e-1'), group);
      await stage.send(queue, rawEvent('Unknown', 'x', 'e-1'), group);
      await stage.send(queue, { source: 'test', type: 'Unknown', data: {} }, group);
      const parked = await stage.parked(queue, 3);
      const first = parked[2];
      assert.match(String(first?.note?.['eventId']), /^test:[0-9a-f-]{36}$/);
      await stage.send(queue, first?.message.Body ?? '', {
        ...group,
        MessageDeduplicationId: first?.message.MessageId,
        MessageAttributes: first?.message.MessageAttributes,
      });
      const [again] = await stage.parked(queue, 1);
      assert.equal(again?.note?.['eventId'], first?.note?.['eventId']);
      assert.equal(again?.note?.['firstSeen'], first?.note?.['firstSeen']);
      await stage.untilEmpty(queue);
      await bridge.stop();
    });
  });

  describe('a FIFO group (FAULTS 11)', () => {
    it('goes on in its order past what is malformed', async () => {
      const queue = await stage.createQueue({ fifo: true });
      const id = uniqueId('order');
      await stage.begin(id);
      const events = Array.from({ length: 12 }, (_, index) => `e-${index}`);
      for (const eventId of events) {
        if (eventId === 'e-0' || eventId === 'e-5') {
          await stage.send(queue, '{', { MessageGroupId: id });
        }
        await stage.send(queue, rawEvent('Event', id, eventId), { MessageGroupId: id });
      }
      const bridge = stage.startBridge([queue]);
      await stage.untilApplied(id, events);
      await stage.untilEmpty(queue);
      assert.deepEqual(
        (await stage.parked(queue, 2)).map(({ note }) => note?.['code']),
        ['malformed', 'malformed'],
      );
      await bridge.stop();
    });

    it('is held by a head that may yet succeed, while others go on', async () => {
      const queue = await stage.createQueue({ fifo: true });
      const [later, now] = [uniqueId('order'), uniqueId('order')];
      await stage.begin(now);
      await stage.send(queue, rawEvent('Patient', later, 'e-1'), { MessageGroupId: 'held' });
      await stage.send(queue, rawEvent('Event', now, 'e-2'), { MessageGroupId: 'held' });
      await stage.send(queue, rawEvent('Event', now, 'e-3'), { MessageGroupId: 'held' });
      await stage.send(queue, rawEvent('Event', now, 'e-4'), { MessageGroupId: 'free' });
      const bridge = stage.startBridge([queue]);
      await stage.untilApplied(now, ['e-4']);
      // The head has come again: until then, what is behind it might have gone.
      await eventually(
        () => bridge.outcomes().filter((outcome) => outcome === 'released early').length >= 3,
      );
      assert.ok(bridge.outcomes().includes('released group-stopped'));
      await stage.untilApplied(now, ['e-4']);
      await stage.begin(later);
      await stage.untilApplied(later, ['e-1']);
      await stage.untilApplied(now, ['e-4', 'e-2', 'e-3']);
      await stage.untilEmpty(queue);
      const delivered = bridge.lines('settled').filter(({ outcome }) => outcome === 'delivered');
      assert.deepEqual(
        delivered.map(({ eventId }) => eventId),
        ['test:e-4', 'test:e-1', 'test:e-2', 'test:e-3'],
      );
      await stage.parked(queue, 0);
      await bridge.stop();
    });
  });

  describe('at its start', () => {
    for (const [what, settings, reason] of [
      ['moves a message after 3 receives', { receives: 3 }, /at least 50, found 3$/],
      [
        'is FIFO and moves a message after 50 receives',
        { fifo: true, receives: 50 },
        /at least 1000, found 50$/,
      ],
    ] as const) {
      it(`refuses a queue that ${what}, naming it and what to change`, async () => {
        const queue = await stage.createQueue(settings);
        const name = queue.url.split('/').at(-1);
        await assert.rejects(stage.startBridge([queue]).ended, (error: Error) => {
          assert.match(error.message, new RegExp(`^queue ${name}: expected a maxReceiveCount`));
          assert.match(error.message, reason);
          return true;
        });
      });
    }

    it('refuses a queue without a dead-letter queue', async () => {
      const { deadLetterUrl } = await stage.createQueue();
      const name = deadLetterUrl.split('/').at(-1);
      await assert.rejects(stage.startBridge([{ url: deadLetterUrl, deadLetterUrl }]).ended, {
        message: `queue ${name}: expected a redrive policy with a dead-letter queue, found none`,
      });
    });
  });
});
