import assert from 'node:assert/strict';
import { mock } from 'node:test';
import {
  ServiceError,
  WorkflowNotFoundError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { CodecError } from '../../src/bridges/answer.ts';
import type { Delivered } from '../../src/bridges/deliver.ts';
import { createMetrics } from '../../src/bridges/metrics.ts';
import type { Plan } from '../../src/bridges/plan.ts';
import { createScheduler } from '../../src/bridges/scheduler.ts';
import type { Temporal } from '../../src/bridges/temporal.ts';
import { capturingLogger } from '../support/bridge.ts';

interface Call {
  readonly workflowId: string;
  /** The event IDs that it carries, or its operation. */
  readonly carries: string;
  readonly deadline: number;
  readonly answer: () => void;
  readonly fail: (error: Error) => void;
}

const TARGET = { earlySeconds: 60, late: 'acknowledge' } as const;
const START = { workflowType: 'order', taskQueue: 'orders', args: [] } as const;

/** A scheduler whose Temporal answers when the test says so, by a clock that the test moves. */
function stage(options: { startsPerSecond?: number; hasBacklog?: boolean } = {}) {
  const calls: Call[] = [];
  let deadline = 0;
  const call = (workflowId: string, carries: string) =>
    new Promise<void>((resolve, reject) => {
      calls.push({ workflowId, carries, deadline, answer: resolve, fail: reject });
    });
  const client = {
    start: (_: string, { workflowId }: { workflowId: string }) => call(workflowId, 'start'),
    executeUpdateWithStart: () => call('', 'updateWithStart'),
    getHandle: (workflowId: string) => ({
      signal: (name: unknown, events?: readonly { id: string }[]) =>
        call(workflowId, events ? events.map(({ id }) => id).join() : String(name)),
      executeUpdate: () => call(workflowId, 'update'),
      describe: () => call(workflowId, 'describe'),
    }),
  };
  const temporal = {
    in: () => client,
    call(until: number, _: string, work: () => unknown) {
      deadline = until;
      return work();
    },
  } as unknown as Temporal;
  const { logger, lines } = capturingLogger();
  const ending = new AbortController();
  const stopping = new AbortController();
  const scheduler = createScheduler({
    temporal,
    logger,
    metrics: createMetrics(),
    startsPerSecond: options.startsPerSecond,
    hasBacklog: () => options.hasBacklog ?? false,
    ending: ending.signal,
    stopping: stopping.signal,
  });
  const answers = new Map<string, Delivered>();
  let last = 0;
  const send = (
    plan: Plan,
    { size = 100, until = Date.now() + 30_000, cap = Infinity } = {},
    namespace?: string,
  ) => {
    last += 1;
    const id = `e-${last}`;
    const event = { id, source: 'test', type: 'Event', data: {} };
    const planned = { event, plan, namespace };
    const lease = { until, cap };
    void scheduler
      .deliver({ planned, size, lease, trace: {} })
      .then((answer) => answers.set(id, answer));
    return lease;
  };

  return {
    scheduler,
    calls,
    lines,
    ending,
    stopping,
    answers,
    /** What came of each event so far, by name. */
    deliveries: () => [...answers].map(([id, { delivery }]) => `${id} ${delivery}`),
    start: (workflowId: string) => send({ operation: 'start', workflowId, ...START }),
    inbox: (workflowId: string, lease = {}) =>
      send({ operation: 'inbox', workflowId, ...TARGET }, lease),
    signal: (workflowId: string) =>
      send({ operation: 'signal', workflowId, signal: 's', args: [], ...TARGET }),
    inNamespace: (namespace: string, workflowId: string) =>
      send(
        { operation: 'signal', workflowId, signal: namespace, args: [], ...TARGET },
        {},
        namespace,
      ),
    updateWithStart: (workflowId: string) =>
      send({
        operation: 'updateWithStart',
        workflowId,
        ...START,
        update: 'u',
        updateArgs: [],
        late: 'park',
        refused: 'park',
      }),
    update: (workflowId: string) =>
      send({
        operation: 'update',
        workflowId,
        update: 'u',
        args: [],
        refused: 'park',
        ...TARGET,
      }),
    carried: () => calls.map(({ carries }) => carries),
  };
}

function grpc(code: number): Error {
  const cause = Object.assign(new Error(`status ${code}`), { code, details: '', metadata: {} });
  return new ServiceError('Failed', { cause });
}

const AWAY = grpc(14);
const DEADLINE = grpc(4);
const EXHAUSTED = grpc(8);

/** Lets what is ready run. */
async function turn(): Promise<void> {
  for (let each = 0; each < 3; each += 1) await new Promise(setImmediate);
}

async function tick(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 50) {
    mock.timers.tick(50);
    await turn();
  }
}

describe('the scheduler', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: 1e12 }));
  afterEach(() => mock.timers.reset());

  it('sends what came during a call together with the next, in its order', async () => {
    const { inbox, calls, carried, deliveries } = stage();
    for (let event = 0; event < 4; event += 1) inbox('w');
    inbox('other');
    await turn();
    assert.deepEqual(carried(), ['e-1,e-2,e-3,e-4', 'e-5']);
    for (let event = 0; event < 3; event += 1) inbox('w');
    await turn();
    assert.equal(calls.length, 2);
    calls[0]?.answer();
    await turn();
    assert.deepEqual(carried().slice(2), ['e-6,e-7,e-8']);
    calls[2]?.answer();
    await turn();
    assert.deepEqual(
      deliveries(),
      [1, 2, 3, 4, 6, 7, 8].map((event) => `e-${event} delivered`),
    );
  });

  it('gathers at most 100 events, and at most 256 KiB', async () => {
    const { inbox, carried } = stage();
    for (let event = 0; event < 151; event += 1) inbox('many');
    for (let event = 0; event < 6; event += 1) inbox('large', { size: 100 * 1024 });
    await turn();
    const sizes = carried().map((each) => each.split(',').length);
    assert.deepEqual(sizes, [100, 2]);
  });

  it('waits a moment for more of an inbox while there is a backlog, and not for anything else', async () => {
    const { inbox, signal, carried } = stage({ hasBacklog: true });
    inbox('w');
    signal('v');
    await turn();
    assert.deepEqual(carried(), ['s']);
    inbox('w');
    await tick(50);
    assert.deepEqual(carried(), ['s', 'e-1,e-3']);
  });

  it('keeps the order of different operations on one workflow', async () => {
    const { inbox, signal, start, calls, carried } = stage();
    start('w');
    inbox('w');
    signal('w');
    inbox('w');
    inbox('w');
    await turn();
    for (let call = 0; call < 4; call += 1) {
      calls[call]?.answer();
      await turn();
    }
    assert.deepEqual(carried(), ['start', 'e-2', 's', 'e-4,e-5']);
  });

  it('lets a call that hangs hold its place, and nothing else (FAULTS 10)', async () => {
    const { signal, calls, deliveries } = stage();
    signal('hangs');
    for (let event = 0; event < 200; event += 1) signal(`w-${event}`);
    await turn();
    for (let call = 1; call < 201; call += 1) {
      calls[call]?.answer();
      await turn();
    }
    assert.equal(deliveries().length, 200);
    assert.ok((calls[0]?.deadline ?? 0) <= Date.now() + 10_000);
  });

  it('bounds the calls in flight, and updates apart from them: they wait for workers', async () => {
    const { signal, update, calls, scheduler } = stage();
    for (let event = 0; event < 100; event += 1) update(`u-${event}`);
    await turn();
    assert.equal(calls.length, 50);
    for (let event = 0; event < 100; event += 1) signal(`s-${event}`);
    await turn();
    assert.equal(calls.length, 50 + scheduler.limit);
    assert.equal(scheduler.inFlight, 50 + scheduler.limit);
  });

  it('bounds the starts in a second, and nothing else', async () => {
    const { start, signal, carried, calls } = stage({ startsPerSecond: 2 });
    for (let event = 0; event < 4; event += 1) start(`w-${event}`);
    signal('beside');
    await turn();
    assert.deepEqual(carried(), ['start', 'start', 's']);
    calls.forEach(({ answer }) => answer());
    await tick(400);
    assert.equal(carried().length, 3);
    await tick(200);
    assert.equal(carried().length, 4);
    await tick(600);
    assert.equal(carried().length, 5);
  });

  it('counts updates that start a workflow among the starts, and lets them starve none', async () => {
    const { start, updateWithStart, carried, calls } = stage({ startsPerSecond: 2 });
    for (let event = 0; event < 20; event += 1) updateWithStart(`u-${event}`);
    start('w');
    for (let passed = 0; passed < 12_000; passed += 100) {
      calls.forEach(({ answer }) => answer());
      await tick(100);
      if (passed === 2_000) assert.ok(carried().length <= 7, `${carried().length}`);
    }
    assert.equal(carried().filter((each) => each === 'start').length, 1);
    assert.equal(carried().length, 21);
  });

  it('refuses a limit of starts that would let none go', () => {
    assert.throws(
      () => stage({ startsPerSecond: 0 }),
      /^RangeError: startsPerSecond: expected at least 1, received 0$/,
    );
  });

  it('asks once for a workflow that does not exist, but goes on with its start', async () => {
    const { inbox, signal, start, calls, deliveries, carried } = stage();
    inbox('w');
    inbox('w');
    signal('w');
    start('w');
    inbox('w');
    await turn();
    calls[0]?.fail(new WorkflowNotFoundError('', 'w', undefined));
    await turn();
    calls[1]?.fail(new WorkflowNotFoundError('', 'w', undefined));
    await turn();
    assert.deepEqual(deliveries(), ['e-1 early', 'e-2 early', 'e-3 early']);
    assert.deepEqual(carried(), ['e-1,e-2', 'describe', 'start']);
    calls[2]?.answer();
    await turn();
    assert.deepEqual(carried().at(-1), 'e-5');
  });

  it('lets nothing overtake an event of its workflow that comes again, but a start', async () => {
    const { inbox, signal, start, calls, deliveries } = stage();
    signal('w');
    inbox('w');
    inbox('w');
    start('w');
    inbox('w');
    signal('v');
    await turn();
    calls[0]?.fail(new TypeError('x is not a function'));
    calls[1]?.answer();
    await turn();
    assert.deepEqual(deliveries().toSorted(), [
      'e-1 unexpected',
      'e-2 workflow-stopped',
      'e-3 workflow-stopped',
      'e-6 delivered',
    ]);
    calls[2]?.answer();
    await turn();
    calls[3]?.answer();
    await turn();
    assert.deepEqual(deliveries().slice(4), ['e-4 delivered', 'e-5 delivered']);
  });

  it('bisects a batch that is too large, and settles each of it by itself', async () => {
    const { inbox, calls, carried, deliveries } = stage();
    for (let event = 0; event < 4; event += 1) inbox('w');
    await turn();
    const tooLarge = Object.assign(grpc(3), {});
    Object.assign(tooLarge.cause as object, { details: 'Blob data size exceeds limit.' });
    for (let call = 0; call < 8; call += 1) {
      const { carries = '', answer, fail } = calls[call] ?? {};
      if (carries.split(',').includes('e-3')) fail?.(tooLarge);
      else answer?.();
      await turn();
    }
    assert.deepEqual(carried(), ['e-1,e-2,e-3,e-4', 'e-1,e-2', 'e-3,e-4', 'e-3', 'e-4']);
    assert.deepEqual(deliveries(), [
      'e-1 delivered',
      'e-2 delivered',
      'e-3 too-large',
      'e-4 delivered',
    ]);
  });

  describe('while Temporal is away', () => {
    it('holds what is in hand, probes with one event of it, and goes on in order', async () => {
      const { inbox, signal, start, calls, carried, lines, scheduler, answers } = stage();
      inbox('w');
      inbox('w');
      signal('v');
      start('t');
      await turn();
      calls.forEach(({ fail }) => fail(AWAY));
      await turn();
      assert.equal(scheduler.breaker.isOpen, true);
      signal('u');
      await turn();
      assert.equal(calls.length, 3);
      await tick(300);
      assert.equal(calls.length, 4);
      await tick(5_000);
      assert.equal(calls.length, 4, 'one probe at a time');
      calls[3]?.fail(AWAY);
      await tick(600);
      assert.equal(calls.length, 5);
      calls[4]?.answer();
      await tick(50);
      calls.slice(5).forEach(({ answer }) => answer());
      await turn();
      assert.equal(scheduler.breaker.isOpen, false);
      assert.deepEqual(
        [...answers.values()].map(({ delivery }) => delivery),
        Array.from({ length: 5 }, () => 'delivered'),
      );
      assert.ok(carried().includes('e-1,e-2'));
      assert.equal(lines('breaker open').length, 1);
    });

    it('probes by a question where nothing is in hand', async () => {
      const { signal, calls, scheduler } = stage();
      const lease = signal('w');
      await turn();
      calls[0]?.fail(AWAY);
      await turn();
      lease.until = Date.now();
      await tick(1_500);
      assert.equal(calls.at(-1)?.carries, 'describe');
      calls.at(-1)?.fail(new WorkflowNotFoundError('', 'w', undefined));
      await tick(50);
      assert.equal(scheduler.breaker.isOpen, false);
    });

    it('gives back what would outlast its lease, and everything when the bridge ends', async () => {
      const { inbox, signal, calls, deliveries, ending } = stage();
      const lease = signal('v');
      inbox('w');
      inbox('w');
      // Every probe fails; what is in hand takes turns in them.
      for (let passed = 0; passed < 2_000; passed += 50) {
        calls.forEach(({ fail }) => fail(AWAY));
        await tick(50);
        if (passed === 500) lease.until = Date.now() + 5_500;
      }
      calls.forEach(({ fail }) => fail(AWAY));
      await turn();
      assert.deepEqual(deliveries(), ['e-1 unavailable']);
      ending.abort();
      await turn();
      assert.deepEqual(deliveries().slice(1), ['e-2 unavailable', 'e-3 unavailable']);
    });

    for (const [what, error] of [
      ['a permission', grpc(7)],
      ['credentials', grpc(16)],
      ['a key of the codec', new CodecError('no key')],
    ] as const) {
      it(`holds it too while ${what} is missing, and says so`, async () => {
        const { signal, calls, lines, deliveries, scheduler } = stage();
        signal('w');
        await turn();
        calls[0]?.fail(error);
        await turn();
        assert.equal(scheduler.breaker.isOpen, true);
        assert.deepEqual(
          lines('breaker open').map(({ code }) => code),
          ['denied'],
        );
        await tick(300);
        calls[1]?.answer();
        await tick(50);
        assert.deepEqual(deliveries(), ['e-1 delivered']);
      });
    }

    it('stays open while what opened it is refused, whatever others are answered', async () => {
      const { signal, inNamespace, calls, scheduler } = stage();
      signal('v');
      inNamespace('unknown', 'w');
      await turn();
      calls.find(({ carries }) => carries === 'unknown')?.fail(grpc(7));
      await turn();
      calls.find(({ carries }) => carries === 's')?.answer();
      for (let event = 0; event < 5; event += 1) signal(`u-${event}`);
      for (let passed = 0; passed < 20_000; passed += 100) {
        const last = calls.at(-1);
        assert.notEqual(calls.slice(2).at(-1)?.carries, 's', 'another was let through');
        last?.fail(grpc(7));
        await tick(100);
      }
      assert.equal(scheduler.breaker.isOpen, true);
      await tick(5_000);
      calls.at(-1)?.answer();
      await tick(50);
      assert.equal(scheduler.breaker.isOpen, false);
    });

    it('gives everything back at once when it goes away while the bridge ends', async () => {
      const { signal, calls, deliveries, ending } = stage();
      for (let event = 0; event < 30; event += 1) signal(`w-${event}`);
      await turn();
      ending.abort();
      calls[0]?.fail(AWAY);
      await turn();
      const sent = calls.length;
      assert.equal(deliveries().length, 30 - sent + 1);
      assert.ok(deliveries().every((delivery) => delivery.endsWith('unavailable')));
    });

    it('is not opened by a call that hangs while others are answered', async () => {
      const { signal, calls, deliveries, scheduler } = stage();
      signal('hangs');
      signal('w');
      await turn();
      await tick(50);
      calls[1]?.answer();
      await turn();
      calls[0]?.fail(DEADLINE);
      await turn();
      assert.equal(scheduler.breaker.isOpen, false);
      assert.deepEqual(deliveries(), ['e-2 delivered', 'e-1 unavailable']);
    });

    it('is not opened by an update that no worker answers', async () => {
      const { update, calls, deliveries, scheduler } = stage();
      update('w');
      await turn();
      calls[0]?.fail(new WorkflowUpdateRPCTimeoutOrCancelledError(''));
      await turn();
      assert.equal(scheduler.breaker.isOpen, false);
      assert.deepEqual(deliveries(), ['e-1 unanswered']);
    });
  });

  it('sends less, and after a pause, when Temporal asks for fewer requests', async () => {
    const { signal, calls, deliveries, scheduler } = stage();
    const before = scheduler.limit;
    for (let event = 0; event < 30; event += 1) signal(`w-${event}`);
    await turn();
    const sent = calls.length;
    calls[0]?.fail(EXHAUSTED);
    await turn();
    assert.ok(scheduler.limit < before);
    for (let call = 1; call < sent; call += 1) calls[call]?.answer();
    await turn();
    assert.equal(calls.length, sent);
    await tick(150);
    assert.equal(calls.length, sent + scheduler.limit);
    assert.equal(scheduler.breaker.isOpen, false);
    assert.equal(deliveries().length, sent - 1);
  });

  it('gives back what it has not sent when it is told to stop', async () => {
    const { inbox, calls, deliveries, stopping, start } = stage();
    inbox('w');
    await turn();
    inbox('w');
    stopping.abort();
    start('v');
    await turn();
    assert.deepEqual(deliveries(), ['e-2 stopping', 'e-3 stopping']);
    calls[0]?.answer();
    await turn();
    assert.deepEqual(deliveries().at(-1), 'e-1 delivered');
    assert.equal(calls.length, 1);
  });

  it('begins no call for which too little of the lease is left', async () => {
    const { inbox, calls, deliveries } = stage();
    inbox('w', { until: Date.now() + 5_500 });
    await turn();
    assert.deepEqual(deliveries(), ['e-1 held-too-long']);
    assert.equal(calls.length, 0);
  });
});
