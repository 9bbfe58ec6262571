import assert from 'node:assert/strict';
import type { SampleEvent } from '../../../dev/feed/scenarios.ts';
import type { Sender } from '../../../dev/feed/sender.ts';
import type { OrderFacts } from '../../../src/console/workflowFacts.ts';
import { watchOrder } from './fifo.ts';
import { trendOf } from './memory.ts';
import { spoilMessages } from './messages.ts';
import { describeReport, hasFailed } from './report.ts';

const silent: Sender = {
  send: () => Promise.resolve(),
  post: () => Promise.resolve(),
  sendText: () => Promise.resolve(),
  sendMalformed: () => Promise.resolve(),
};

function event(number: number, way: SampleEvent['way']): SampleEvent {
  const data = { version: 1, channel: 'web', orderId: '1', paymentMethod: 'pm_card_visa' } as const;
  return { type: 'PaymentMethodUpdated', data, eventId: `e-${number}`, way };
}

describe('the order of a FIFO group', () => {
  async function complaintsOf(...taken: readonly number[]) {
    const order = watchOrder(silent);
    for (const number of [1, 2, 3]) await order.sender.send(event(number, 'fifo'));
    await order.sender.send(event(4, 'queue'));
    const records = taken.map((number) => ({ id: `waybill.payments:e-${number}` }));
    const facts = { workflowId: 'order:web:1', inbox: { records } } as unknown as OrderFacts;
    return order.check([facts]).outOfOrder;
  }

  it('is kept where all came in turn, were repeated, or are missing', async () => {
    assert.deepEqual(await complaintsOf(1, 2, 3), []);
    assert.deepEqual(await complaintsOf(1, 4, 2, 1, 3), []);
    assert.deepEqual(await complaintsOf(1, 3), []);
  });

  it('is broken where one overtook another', async () => {
    assert.equal((await complaintsOf(2, 1, 3)).length, 1);
    assert.equal((await complaintsOf(1, 3, 2)).length, 1);
  });
});

describe('the messages of a feed', () => {
  async function spoil(seed: number, way: SampleEvent['way']) {
    const sent: string[] = [];
    const note = (text: string) => Promise.resolve(void sent.push(text));
    const spoiling = spoilMessages(
      {
        ...silent,
        send: ({ eventId }) => note(eventId),
        sendText: (_, text) => note(text),
        sendMalformed: (_source, _type, eventId) => note(eventId),
      },
      seed,
    );
    for (let number = 0; number < 300; number += 1) await spoiling.sender.send(event(number, way));
    await spoiling.settled();
    return { sent, ...spoiling };
  }

  it('are spoiled in the same way by the same seed, and none is lost', async function () {
    this.timeout(20_000);
    const [one, same, other] = await Promise.all([1, 1, 2].map((seed) => spoil(seed, 'bus')));
    assert.deepEqual(one?.counts, same?.counts);
    assert.deepEqual(one?.unfit, same?.unfit);
    assert.notDeepEqual(one?.unfit, other?.unfit);
    for (const count of Object.values(one?.counts ?? {})) assert.ok(count > 5);
    for (let number = 0; number < 300; number += 1) assert.ok(one?.sent.includes(`e-${number}`));
    assert.equal(one?.sent.length, 300 + one!.counts.duplicated + one!.unfit.size);
  });

  it('keep their order where it is promised', async () => {
    const { sent, counts } = await spoil(1, 'fifo');
    const whole = [...new Set(sent)].filter((text) => text.startsWith('e-'));
    assert.deepEqual(
      whole,
      Array.from({ length: 300 }, (_, number) => `e-${number}`),
    );
    assert.equal(counts.reordered + counts.delayed, 0);
    assert.ok(counts.corrupted > 5);
  });
});

describe("a process's memory", () => {
  const sampled = (sizeAt: (minute: number) => number) =>
    Array.from({ length: 601 }, (_, second) => ({
      at: 1_000_000 + second * 1_000,
      size: sizeAt(second / 60),
    }));

  it('is told by the slope of the last half', () => {
    const rising = trendOf(sampled((minute) => 100 + 4 * minute));
    assert.ok(Math.abs((rising?.slope ?? 0) - 4) < 1e-9);
    assert.ok(Math.abs((rising?.growth ?? 0) - 20 / 130) < 1e-3);
    const levelled = trendOf(sampled((minute) => Math.min(200, 100 + 40 * minute)));
    assert.equal(levelled?.slope, 0);
  });

  it('is not told from a few samples', () => {
    assert.equal(trendOf(sampled(() => 1).slice(0, 10)), undefined);
  });
});

describe('the table', () => {
  const again = 'npm run faults -- --seed 1';

  it('says what holds', () => {
    const report = { rows: [{ scenario: 'worker killed', injected: 3, wrong: [] }], again };
    assert.equal(hasFailed(report), false);
    assert.match(describeReport(report), /worker killed +3 +holds/);
  });

  it('says of what it cannot judge that it is open', () => {
    const row = { scenario: 'worker killed', injected: 0, wrong: [], open: 'did not come to pass' };
    const report = { rows: [row], again };
    assert.equal(hasFailed(report), false);
    assert.match(describeReport(report), /worker killed +0 +did not come to pass/);
  });

  it('says what is wrong, and how to see it again', () => {
    const wrong = Array.from({ length: 12 }, (_, index) => `complaint ${index}`);
    const report = { rows: [{ scenario: 'money', injected: 3, wrong }], again };
    assert.equal(hasFailed(report), true);
    const text = describeReport(report);
    assert.match(text, /money +3 +WRONG \(12\)/);
    assert.match(text, /WRONG money: complaint 9\nWRONG money: and 2 more\n/);
    assert.ok(text.endsWith(`run it again with: ${again}`));
  });
});
