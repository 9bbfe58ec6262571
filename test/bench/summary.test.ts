import assert from 'node:assert/strict';
import { type PartFigures, summaryOf } from '../../bench/summary.ts';

const FIGURES: PartFigures = {
  bridge: [
    {
      row: 'start',
      figure: 'start: events/s',
      ours: [280, 300, 290],
      naive1: [90, 91, 92],
      naive10: [200, 210, 220],
      limit: [300, 310, 305],
      ratio: [0.93, 0.97, 0.95],
      target: { toReach: '>= 0.95 of limit', reached: true },
    },
    { row: 'latency', figure: 'latency: p50, ms', ours: [8], naive1: [9], naive10: [7] },
    { row: 'memory', figure: 'memory: peak RSS, MB', ours: [150] },
  ],
  orders: [
    { figure: 'local activities', ours: [0], obvious: [0], ratio: [] },
    { figure: 'workflow tasks', ours: [11], obvious: [23], ratio: [0.48] },
  ],
  api: [
    {
      row: 'place-named',
      ours: [200],
      bare: [250],
      ratio: [0.8],
      p99: [312],
      bareP99: [329],
      reached: null,
    },
  ],
  sellers: {
    quiet: [0.35],
    behindBurst: [2.5],
    withoutShares: [38],
    leftBehindBurst: [232],
    leftWithoutShares: [5],
  },
};

/** The cells of the one line that begins like this. */
function cells(part: string, figure: string): readonly string[] {
  const lines = summaryOf(FIGURES).split('\n');
  const found = lines.filter((line) => line.startsWith(part) && line.includes(figure));
  assert.equal(found.length, 1, `${found.length} lines of ${part}: ${figure}`);
  return (found[0] ?? '').split(/ {2,}/);
}

describe('the summary of all parts', () => {
  it('has each figure beside its nearest peer, with what it has to reach', () => {
    assert.deepEqual(cells('bridge', 'start'), [
      'bridge',
      'start: events/s',
      '290 (280-300)',
      'limit 305 (300-310)',
      '0.950 (0.930-0.970)',
      '>= 0.95 of limit',
      'yes',
    ]);
    assert.equal(cells('bridge', 'latency')[3], 'naive x10 7.00');
    assert.equal(cells('orders', 'workflow tasks')[3], 'obvious 23.0');
    assert.equal(cells('sellers', 'behind a burst')[3], 'without shares 38.0');
  });

  it('has a dash where nothing is compared, or nothing is to be reached', () => {
    assert.deepEqual(cells('bridge', 'memory').slice(2), ['150', '-', '-', '-', '-']);
    assert.deepEqual(cells('orders', 'local').slice(2), ['0.00', 'obvious 0.00', '-', '-', '-']);
    assert.deepEqual(cells('api', 'requests/s').slice(4), ['0.800', '-', '-']);
  });
});
