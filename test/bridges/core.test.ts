import assert from 'node:assert/strict';
import { z } from 'zod';
import { createCore } from '../../src/bridges/core.ts';
import type { Delivery } from '../../src/bridges/deliver.ts';
import { createMetrics } from '../../src/bridges/metrics.ts';
import { createReader } from '../../src/bridges/reader.ts';
import type { SourceMessage } from '../../src/bridges/record.ts';
import { on } from '../../src/bridges/route.ts';
import type { Scheduler } from '../../src/bridges/scheduler.ts';
import type { Settlement } from '../../src/bridges/settlement.ts';
import { signalReference } from '../../src/contracts/references.ts';
import { capturingLogger } from '../support/bridge.ts';

/** Its events are delivered as their data says: at once, or when the test opens their gate. */
function createTestCore() {
  const gates = new Map<string, PromiseWithResolvers<Delivery>>();
  const gateOf = (id: string) => {
    const gate = gates.get(id) ?? Promise.withResolvers<Delivery>();
    gates.set(id, gate);
    return gate;
  };
  const delivered: string[] = [];
  const traces: object[] = [];
  const scheduler = {
    async deliver({ planned, trace }: Parameters<Scheduler['deliver']>[0]) {
      traces.push(trace);
      const { gate, answer } = planned.event.data as { gate?: boolean; answer: Delivery };
      delivered.push(planned.event.id.replace('test:', ''));
      return { delivery: gate ? await gateOf(planned.event.id).promise : answer };
    },
  } as unknown as Scheduler;
  const data = z.object({ gate: z.boolean().optional(), answer: z.string(), to: z.string() });
  const waits = { early: '1m', late: 'park' } as const;
  const { logger, lines } = capturingLogger();
  const core = createCore({
    read: createReader([
      on('test', 'ignored', z.unknown()).ignore(),
      on('test', 'inbox', data).inbox((event) => event.data.to, waits),
      on('test', 'signal', data).signal(
        signalReference('s'),
        (event) => ({ workflowId: event.data.to, args: [] }),
        waits,
      ),
      on('test', 'broken', z.unknown()).inbox(() => {
        throw new Error('the route is broken');
      }, waits),
    ]),
    scheduler,
    logger,
    metrics: createMetrics(),
  });
  const settled: [id: string, kind: string, code?: string][] = [];
  let last = 0;

  return {
    lines,
    settled,
    delivered,
    traces,
    open: (id: string, answer: Delivery = 'delivered') => gateOf(`test:${id}`).resolve(answer),
    handle: (
      id: string,
      type: string,
      change: Partial<SourceMessage> & { data?: object } = {},
      carryOut: (settlement: Settlement) => Promise<void> = () => Promise.resolve(),
    ): Promise<void> => {
      last += 1;
      const { data: own, ...rest } = change;
      const message = {
        queue: 'q.fifo',
        messageId: `m-${last}`,
        body: JSON.stringify({
          source: 'test',
          type,
          eventId: id,
          data: { answer: 'delivered', to: 'w', ...own },
        }),
        group: 'g',
        firstReceivedAt: Date.now(),
        trace: {},
        parkedBefore: null,
        lease: { until: Date.now() + 30_000, cap: Date.now() + 300_000 },
        ...rest,
      };
      return core.handle(message, async (settlement, about) => {
        await carryOut(settlement);
        const records = about.records ? ` ${about.records.join()}` : '';
        const { kind } = settlement;
        settled.push('code' in settlement ? [id, kind, settlement.code + records] : [id, kind]);
      });
    },
  };
}

const GATED = { data: { gate: true } };

/** Waits until nothing moves any more that waits for nothing but the event loop. */
async function quiet(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
}

/** A lease that ran out while its message waited. */
function expired() {
  return { until: Date.now() - 1, cap: Date.now() - 1 };
}

function several(...events: readonly (object | string)[]): { body: string } {
  const records = events.map((event, index) =>
    typeof event === 'string'
      ? event
      : JSON.stringify({ source: 'test', type: 'signal', eventId: `r-${index}`, data: event }),
  );
  return { body: `[${records.join()}]` };
}

describe('the core', () => {
  it('settles the messages of a group in their order, and groups beside each other', async () => {
    const { handle, settled, delivered, open } = createTestCore();
    const all = [handle('1', 'signal', GATED), handle('2', 'signal'), handle('3', 'signal')];
    await Promise.all([
      handle('other group', 'signal', { group: 'h' }),
      handle('same name, other queue', 'signal', { queue: 'p.fifo' }),
      handle('no group', 'signal', { group: null }),
    ]);
    assert.equal(settled.length, 3);
    assert.ok(!delivered.includes('2'));
    open('1');
    await Promise.all(all);
    assert.deepEqual(settled.slice(3), [
      ['1', 'delete'],
      ['2', 'delete'],
      ['3', 'delete'],
    ]);
  });

  it('delivers what a group has for one inbox together, and settles it in its order', async () => {
    const { handle, settled, delivered, open } = createTestCore();
    const all = [
      handle('1', 'inbox', GATED),
      handle('2', 'inbox', GATED),
      handle('3', 'inbox', { data: { to: 'other' } }),
      handle('4', 'inbox'),
    ];
    await quiet();
    assert.deepEqual(delivered, ['1', '2']);
    open('2', 'late');
    await quiet();
    assert.deepEqual(settled, []);
    open('1');
    await Promise.all(all);
    assert.deepEqual(settled, [
      ['1', 'delete'],
      ['2', 'park', 'late'],
      ['3', 'delete'],
      ['4', 'delete'],
    ]);
  });

  it('does not park what a group has behind a message that comes again', async () => {
    const { handle, settled, open } = createTestCore();
    const all = [handle('1', 'inbox', GATED), handle('2', 'inbox', GATED), handle('3', 'inbox')];
    await quiet();
    open('2', 'late');
    open('1', 'busy');
    await Promise.all(all);
    assert.deepEqual(settled.slice(0, 2), [
      ['1', 'release', 'busy'],
      ['2', 'release', 'group-stopped'],
    ]);
  });

  it('parks what is malformed, records the group, and goes on with it', async () => {
    const { handle, settled, lines } = createTestCore();
    await Promise.all([handle('1', 'signal', { body: '{' }), handle('2', 'signal')]);
    assert.deepEqual(settled, [
      ['1', 'park', 'malformed'],
      ['2', 'delete'],
    ]);
    const [line] = lines('settled');
    assert.deepEqual([line?.outcome, line?.['group']], ['parked', 'g']);
  });

  it('holds a group back once one of it was released, and lets it go when nothing is in hand', async () => {
    const { handle, settled } = createTestCore();
    await Promise.all([
      handle('1', 'broken'),
      handle('2', 'signal'),
      handle('3', 'signal', { body: '{' }),
      handle('beside', 'signal', { queue: 'p.fifo' }),
    ]);
    assert.deepEqual(
      settled.toSorted(([one], [other]) => one.localeCompare(other)),
      [
        ['1', 'release', 'route-failed'],
        ['2', 'release', 'group-stopped'],
        ['3', 'release', 'group-stopped'],
        ['beside', 'delete'],
      ],
    );
    await handle('again', 'signal');
    assert.deepEqual(settled.at(-1), ['again', 'delete']);
  });

  it('holds a group back when what was decided could not be carried out', async () => {
    const { handle, settled, lines } = createTestCore();
    await Promise.all([
      handle('1', 'signal', { body: '{' }, () => Promise.reject(new Error('SQS is away'))),
      handle('2', 'signal'),
    ]);
    assert.deepEqual(settled, [['2', 'release', 'group-stopped']]);
    assert.equal(lines('not settled').length, 1);
  });

  it('leaves a message alone whose lease was lost, and what is behind it in its group', async () => {
    const { handle, settled } = createTestCore();
    await Promise.all([
      handle('1', 'signal', { lease: expired(), data: { answer: 'busy' } }),
      handle('2', 'signal'),
    ]);
    assert.deepEqual(settled, [
      ['1', 'drop'],
      ['2', 'release', 'group-stopped'],
    ]);
  });

  it('does not park a message whose lease was lost: somebody else may have it', async () => {
    const { handle, settled } = createTestCore();
    await handle('1', 'signal', { body: '{', lease: expired() });
    assert.deepEqual(settled, [['1', 'drop']]);
  });

  it('deletes what was delivered, even when its lease was lost meanwhile', async () => {
    const { handle, settled } = createTestCore();
    await handle('1', 'signal', { lease: expired() });
    assert.deepEqual(settled, [['1', 'delete']]);
  });

  it('takes the trace beside the body before the one in it, and both with their state', async () => {
    const { handle, traces } = createTestCore();
    const [beside, within] = ['a', 'b'].map((id) => `00-${id.repeat(32)}-${id.repeat(16)}-01`);
    const event = { source: 'test', type: 'signal', data: { answer: 'delivered', to: 'w' } };
    const body = JSON.stringify({ ...event, traceparent: within, tracestate: 'k=v' });
    await handle('1', 'signal', { body, trace: { awsTraceHeader: 'Root=1' } });
    await handle('2', 'signal', { body, trace: { traceparent: `${beside}` } });
    assert.deepEqual(traces, [
      { awsTraceHeader: 'Root=1', traceparent: within, tracestate: 'k=v' },
      { traceparent: beside },
    ]);
  });

  describe('with a message of several records', () => {
    const alone = { group: null };

    it('settles it when the last of them is', async () => {
      const { handle, settled, open, delivered } = createTestCore();
      const { body } = several(
        { answer: 'delivered', to: 'v' },
        { gate: true, answer: '', to: 'w' },
      );
      const handled = handle('all', '', { ...alone, body });
      await quiet();
      assert.deepEqual([delivered, settled], [['r-0', 'r-1'], []]);
      open('r-1');
      await handled;
      assert.deepEqual(settled, [['all', 'delete']]);
    });

    it('parks it for those that cannot be delivered, saying which', async () => {
      const { handle, settled, lines } = createTestCore();
      const delivered = { answer: 'delivered', to: 'w' };
      const { body } = several(delivered, { answer: 5 }, delivered, '{"type":5}');
      await handle('all', '', { ...alone, body });
      assert.deepEqual(settled, [['all', 'park', 'malformed 1,3']]);
      assert.deepEqual(
        lines('settled').map(({ outcome }) => outcome),
        ['delivered', 'parked', 'delivered', 'parked'],
      );
    });

    it('does only what is left when it comes again, or was parked before', async () => {
      const { handle, settled, delivered } = createTestCore();
      const { body } = several(
        { answer: 'busy', to: 'v' },
        { answer: 'delivered', to: 'w' },
        'null',
      );
      const message = { ...alone, body, messageId: 'same' };
      await handle('all', '', message);
      await handle('all', '', message);
      assert.deepEqual(settled, [
        ['all', 'release', 'busy'],
        ['all', 'release', 'busy'],
      ]);
      assert.deepEqual(delivered, ['r-0', 'r-1', 'r-0']);
      const parkedBefore = { messageId: null, firstSeen: null, records: [1] };
      await handle('redriven', '', { ...alone, body, parkedBefore });
      assert.deepEqual(delivered.slice(3), ['r-1']);
      assert.deepEqual(settled.at(-1), ['redriven', 'delete']);
    });
  });
});
