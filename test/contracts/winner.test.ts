import assert from 'node:assert/strict';
import type { TimelineEntry } from '../../src/contracts/timeline.ts';
import { winnerOf } from '../../src/contracts/winner.ts';

function entry(n: number, name: string, outcome: string, by: string): TimelineEntry {
  const at = `2026-01-01T00:00:0${n}.000Z`;
  return { n, at, kind: 'event', name, outcome, reason: null, by, took: null };
}

describe('who was first', () => {
  const timeline = [
    entry(1, 'OrderCancelled', 'refused', 'e-1'),
    entry(2, 'ShipmentDispatched', 'applied', 'e-2'),
    entry(3, 'ShipmentDelivered', 'applied', 'e-3'),
    entry(4, 'cancel', 'refused', 'customer:c-1'),
  ];

  it('is whose event or command was applied first, of those that explain the refusal', () => {
    for (const reason of ['already-dispatched', 'order-closed']) {
      assert.deepEqual(winnerOf(reason, timeline), {
        what: 'ShipmentDispatched',
        by: 'e-2',
        at: '2026-01-01T00:00:02.000Z',
      });
    }
  });

  it('is nobody where none was applied, or the refusal is not of that kind', () => {
    assert.equal(winnerOf('order-cancelled', timeline), undefined);
    assert.equal(winnerOf('unknown-line', timeline), undefined);
    assert.equal(winnerOf('already-dispatched', timeline.slice(3)), undefined);
  });
});
