import assert from 'node:assert/strict';
import { growthReportOf, pointsOf } from '../../bench/growthFigures.ts';

const MEASURED = [
  { series: 'bridge', at: 5_000, value: 30 },
  { series: 'alone', at: 1_000, value: 90 },
  { series: 'bridge', at: 1_000, value: 50 },
  { series: 'bridge', at: 1_000, value: 70 },
  { series: 'bridge', at: 1_000, value: 40 },
];

describe('the growth of figures', () => {
  it('has what was measured at one place together, from the least to the most', () => {
    assert.deepEqual(pointsOf(MEASURED), [
      {
        name: 'bridge',
        points: [
          { at: 1_000, values: [50, 70, 40] },
          { at: 5_000, values: [30] },
        ],
      },
      { name: 'alone', points: [{ at: 1_000, values: [90] }] },
    ]);
  });

  it('is told with medians and spread, and with what grows', () => {
    const report = growthReportOf([{ name: 'backlog', series: pointsOf(MEASURED) }]);
    assert.match(
      report,
      /^messages in the queue +1,000 +events\/s +bridge +50\.0 \(40\.0-70\.0\)$/m,
    );
    assert.match(report, /^messages in the queue +5,000 +events\/s +bridge +30\.0$/m);
    assert.match(report, /^messages in the queue +1,000 +events\/s +alone +90\.0$/m);
  });
});
