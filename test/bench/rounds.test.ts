import assert from 'node:assert/strict';
import { joinRounds, roundsUpTo } from '../../bench/rounds.ts';

describe('the rounds of the bench', () => {
  it('are counted from 0', () => {
    assert.deepEqual(roundsUpTo(3), [0, 1, 2]);
  });

  it('are joined as if one had measured them all, in their order', () => {
    const round = (seconds: number) => ({
      events: 1_000,
      sides: { bridge: [{ seconds, rss: [seconds, seconds] }], naive: [] },
    });
    assert.deepEqual(joinRounds([round(1), round(2), round(3)]), {
      events: 1_000,
      sides: {
        bridge: [
          { seconds: 1, rss: [1, 1] },
          { seconds: 2, rss: [2, 2] },
          { seconds: 3, rss: [3, 3] },
        ],
        naive: [],
      },
    });
  });

  it('are not joined where there is none', () => {
    assert.throws(() => joinRounds([]), RangeError);
  });
});
