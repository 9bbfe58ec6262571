import assert from 'node:assert/strict';
import type { Client } from '@temporalio/client';
import { z } from 'zod';
import { createBreaker } from '../../src/bridges/breaker.ts';
import { createCore } from '../../src/bridges/core.ts';
import type { SourceRecord } from '../../src/bridges/record.ts';
import { on } from '../../src/bridges/route.ts';
import type { Settlement } from '../../src/bridges/settlement.ts';
import { capturingLogger } from '../support/bridge.ts';

/** What Temporal is not needed for: its routes ignore, wait for the test, or throw. */
function createTestCore() {
  const gates = new Map<string, PromiseWithResolvers<void>>();
  const gateOf = (name: string) => {
    const gate = gates.get(name) ?? Promise.withResolvers<void>();
    gates.set(name, gate);
    return gate;
  };
  const gated = z.object({ gate: z.string() }).refine(async ({ gate }) => {
    await gateOf(gate).promise;
    return true;
  });
  const { logger, lines } = capturingLogger();
  const never = new AbortController().signal;
  const stopping = new AbortController();
  let isAway = false;
  const breaker = createBreaker(
    () => (isAway ? Promise.reject(new Error('away')) : Promise.resolve()),
    logger,
    stopping.signal,
  );
  const core = createCore({
    routes: [
      on('test', 'plain', z.unknown()).ignore(),
      on('test', 'gated', gated).ignore(),
      on('test', 'broken', z.unknown()).inbox(
        () => {
          throw new Error('the route is broken');
        },
        { earlySeconds: 1, late: 'park' },
      ),
    ],
    client: {
      connection: { withDeadline: (_: number, call: () => unknown) => call() },
    } as unknown as Client,
    breaker,
    logger,
    stopping: never,
  });
  const settled: [id: string, kind: string, code?: string][] = [];
  let last = 0;

  return {
    lines,
    settled,
    stop: () => stopping.abort(),
    /** Temporal goes away; answers how it comes back. */
    goAway: () => {
      isAway = true;
      breaker.trip('unavailable', 'away');
      return () => void (isAway = false);
    },
    open: (gate: string) => gateOf(gate).resolve(),
    handle: (
      id: string,
      type: string,
      change: Partial<SourceRecord> = {},
      carryOut: (settlement: Settlement) => Promise<void> = () => Promise.resolve(),
    ): Promise<void> => {
      last += 1;
      const record = {
        queue: 'q.fifo',
        messageId: `m-${last}`,
        body: JSON.stringify({ source: 'test', type, eventId: id, data: { gate: id } }),
        group: 'g',
        firstReceivedAt: Date.now(),
        parkedBefore: null,
        lease: { until: Date.now() + 30_000, cap: Date.now() + 300_000 },
        ...change,
      };
      return core.handle(record, async (settlement) => {
        await carryOut(settlement);
        const { kind } = settlement;
        settled.push('code' in settlement ? [id, kind, settlement.code] : [id, kind]);
      });
    },
  };
}

/** A lease that ran out while its record waited. */
function expired() {
  return { until: Date.now() - 1, cap: Date.now() - 1 };
}

describe('the core', () => {
  it('settles the records of a group in their order, and waits for each to be carried out', async () => {
    const { handle, settled, open } = createTestCore();
    const carried = Promise.withResolvers<void>();
    const all = [
      handle('1', 'gated'),
      handle('2', 'plain', {}, () => carried.promise),
      handle('3', 'plain'),
    ];
    const beside = [
      handle('other group', 'plain', { group: 'h' }),
      handle('same name, other queue', 'plain', { queue: 'p.fifo' }),
      handle('no group', 'plain', { group: null }),
    ];
    await Promise.all(beside);
    assert.equal(settled.length, 3);
    open('1');
    await all[0];
    assert.deepEqual(settled.slice(3), [['1', 'delete']]);
    carried.resolve();
    await Promise.all(all);
    assert.deepEqual(settled.slice(4), [
      ['2', 'delete'],
      ['3', 'delete'],
    ]);
  });

  it('parks what is malformed, records the group, and goes on with it', async () => {
    const { handle, settled, lines } = createTestCore();
    await Promise.all([handle('1', 'plain', { body: '{' }), handle('2', 'plain')]);
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
      handle('2', 'plain'),
      handle('3', 'plain'),
      handle('beside', 'plain', { queue: 'p.fifo' }),
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
    await handle('again', 'plain');
    assert.deepEqual(settled.at(-1), ['again', 'delete']);
  });

  it('holds a group back when what was decided could not be carried out', async () => {
    const { handle, settled, lines } = createTestCore();
    await Promise.all([
      handle('1', 'plain', { body: '{' }, () => Promise.reject(new Error('SQS is away'))),
      handle('2', 'plain'),
    ]);
    assert.deepEqual(settled, [['2', 'release', 'group-stopped']]);
    assert.equal(lines('not settled').length, 1);
  });

  it('leaves a record alone whose lease was lost, and what is behind it in its group', async () => {
    const { handle, settled } = createTestCore();
    await Promise.all([handle('1', 'plain', { lease: expired() }), handle('2', 'plain')]);
    assert.deepEqual(settled, [
      ['1', 'drop'],
      ['2', 'release', 'group-stopped'],
    ]);
  });

  it('does not park a record whose lease was lost: somebody else may have it', async () => {
    const { handle, settled } = createTestCore();
    await handle('1', 'plain', { body: '{', lease: expired() });
    assert.deepEqual(settled, [['1', 'drop']]);
  });

  it('begins no call for which too little of the lease is left', async () => {
    const { handle, settled } = createTestCore();
    const lease = { until: Date.now() + 5_500, cap: Date.now() };
    await handle('1', 'plain', { group: null, lease });
    assert.deepEqual(settled, [['1', 'release', 'held-too-long']]);
  });

  it('holds what is in hand while Temporal is away, and then delivers it in its order', async () => {
    const { handle, settled, goAway } = createTestCore();
    const comeBack = goAway();
    const all = [handle('1', 'plain'), handle('2', 'plain'), handle('3', 'plain')];
    await new Promise(setImmediate);
    assert.deepEqual(settled, []);
    comeBack();
    await Promise.all(all);
    assert.deepEqual(settled, [
      ['1', 'delete'],
      ['2', 'delete'],
      ['3', 'delete'],
    ]);
  });

  it('gives back while Temporal is away what it cannot keep, and everything when it stops', async () => {
    const { handle, settled, goAway, stop } = createTestCore();
    goAway();
    const lease = { until: Date.now() + 6_500, cap: Date.now() };
    await handle('1', 'plain', { group: null, lease });
    assert.deepEqual(settled, [['1', 'release', 'unavailable']]);
    const held = handle('2', 'plain');
    stop();
    await held;
    assert.deepEqual(settled.at(-1), ['2', 'release', 'unavailable']);
  });
});
