import assert from 'node:assert/strict';
import fc from 'fast-check';
import { median, percentile } from '../../bench/statistics.ts';

const VALUES = fc.array(fc.double({ min: -1e9, max: 1e9, noNaN: true }), { minLength: 1 });

describe('the statistics of the bench', () => {
  it('take the value in the middle, whatever the order', () => {
    assert.equal(median([30, 2, 100]), 30);
    assert.equal(median([30, 2]), 16);
  });

  it('take the least value that covers so many per cent', () => {
    const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
    assert.equal(percentile(hundred, 99), 99);
    assert.equal(percentile(hundred, 50), 50);
    assert.equal(percentile([7], 1), 7);
  });

  it('refuse to make something of nothing', () => {
    assert.throws(() => median([]), RangeError);
    assert.throws(() => percentile([], 50), RangeError);
  });

  it('leave what they are given as it is, and stay within it', () => {
    fc.assert(
      fc.property(VALUES, fc.integer({ min: 0, max: 100 }), (values, percent) => {
        const before = [...values];
        const covering = percentile(values, percent);
        const covered = values.filter((value) => value <= covering).length;
        assert.deepEqual(values, before);
        assert.ok(values.includes(covering));
        assert.ok(covered * 100 >= percent * values.length);
        assert.ok(Math.min(...values) <= median(values) && median(values) <= Math.max(...values));
      }),
    );
  });
});
