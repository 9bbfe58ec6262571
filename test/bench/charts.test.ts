import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { growthCharts, togetherCharts } from '../../bench/charts.ts';
import { drawCharts } from '../../bench/drawing.ts';

const CHARTS = {
  ...togetherCharts({
    bridge: [
      { row: 'start', figure: 'start: events/s', ours: [280, 300, 290], limit: [300, 310, 305] },
      { row: 'latency', figure: 'latency: p50, ms', ours: [8] },
    ],
    orders: [
      { figure: 'workflow tasks', ours: [11], obvious: [23], ratio: [0.48] },
      { figure: 'local activities', ours: [0], obvious: [0], ratio: [] },
    ],
    api: [],
    sellers: {
      quiet: [0.35],
      behindBurst: [2.5, 2.7, 2.6],
      withoutShares: [38],
      leftBehindBurst: [232],
      leftWithoutShares: [5],
    },
  }),
  ...growthCharts([
    { name: 'bridges', series: [{ name: 'starts', points: [{ at: 4, values: [290, 270, 300] }] }] },
  ]),
};

function rowsOf(name: string): unknown {
  const { data } = CHARTS[name] ?? {};
  return data && 'values' in data ? data.values : undefined;
}

describe('the charts of the bench', () => {
  it('show the rates of the bridge alone, with their spread, and nobody who was not measured', () => {
    assert.deepEqual(rowsOf('bridge'), [
      { figure: 'start', side: 'bridge', median: 290, least: 280, most: 300 },
      { figure: 'start', side: 'bare calls', median: 305, least: 300, most: 310 },
    ]);
  });

  it('show an order as a share of the obvious one, where there is something to share', () => {
    assert.deepEqual(rowsOf('orders'), [
      { figure: 'workflow tasks', side: 'ours', median: 0.48, least: 0.48, most: 0.48 },
    ]);
  });

  it('show what a figure grows to by what grows', () => {
    assert.deepEqual(rowsOf('growth-bridges'), [
      { side: 'starts', at: 4, median: 290, least: 270, most: 300 },
    ]);
  });

  it('are drawn as SVG, one file each, the same each time', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'waybill-charts-'));
    const drawn = async () => {
      await drawCharts(folder, CHARTS);
      return await readFile(path.join(folder, 'sellers.svg'), 'utf8');
    };
    try {
      const svg = await drawn();
      assert.match(svg, /^<svg [^>]*xmlns="http:\/\/www.w3.org\/2000\/svg"/);
      for (const text of [
        "behind another's burst",
        'seconds',
        "Until one seller's order is paid",
      ]) {
        assert.ok(svg.includes(`>${text}</text>`), `${text} is not in the chart`);
      }
      assert.equal(await drawn(), svg);
      assert.deepEqual((await readdir(folder)).toSorted(), [
        'api.svg',
        'bridge.svg',
        'growth-bridges.svg',
        'orders.svg',
        'sellers.svg',
      ]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
