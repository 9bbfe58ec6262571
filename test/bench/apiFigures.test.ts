import assert from 'node:assert/strict';
import { apiFiguresOf, apiReportOf, type ApiRounds } from '../../bench/apiFigures.ts';

const run = (seconds: number, p99 = 10) => ({ seconds, p50: p99 / 2, p99 });

describe("the API bench's figures", () => {
  const rounds: ApiRounds = {
    requests: 100,
    ours: [run(2), run(4), run(1)],
    bare: [run(1.9), run(3), run(1)],
  };

  it('compare round by round, and take the median', () => {
    const [figure] = apiFiguresOf({ place: rounds });
    assert.deepEqual(figure?.ours, [50, 25, 100]);
    assert.deepEqual(
      figure?.ratio.map((ratio) => ratio.toFixed(2)),
      ['0.95', '0.75', '1.00'],
    );
    assert.equal(figure?.reached, true);
  });

  it('say when a target was not reached', () => {
    const slower = { ...rounds, bare: [run(1), run(1), run(1)] };
    const [read] = apiFiguresOf({ read: slower });
    assert.equal(read?.reached, false);
    assert.match(apiReportOf(apiFiguresOf({ read: slower })), /read .*>= 0.9 of bare +no$/m);
  });

  it('hold nothing against orders with an ID of their own', () => {
    assert.equal(apiFiguresOf({ 'place-named': rounds })[0]?.reached, null);
  });

  it('leave out what was not measured', () => {
    assert.deepEqual(apiFiguresOf({}), []);
  });
});
