import assert from 'node:assert/strict';
import { createCapacity } from '../../src/bridges/capacity.ts';

function stage() {
  const inHand = { messages: 0, bytes: 0 };
  let now = 0;
  const capacity = createCapacity(
    () => inHand,
    () => now,
  );
  return {
    inHand,
    capacity,
    /** Goes on for so many seconds at so many messages a second. */
    settle: (perSecond: number, seconds: number): void => {
      for (let second = 0; second < seconds; second += 1) {
        now += 1_000;
        capacity.settled(perSecond);
        if (capacity.reserve()) capacity.free();
      }
    },
    /** How many messages there is room for. */
    room: (): number => {
      let receives = 0;
      while (capacity.reserve()) receives += 1;
      for (let receive = 0; receive < receives; receive += 1) capacity.free();
      return receives * 10;
    },
  };
}

describe('what may be in hand', () => {
  it('is bounded before anything is known, counting the receives on their way', () => {
    const { room, inHand, capacity } = stage();
    assert.equal(room(), 100);
    inHand.messages = 85;
    assert.equal(room(), 10);
    assert.equal(capacity.reserve(), true);
    assert.equal(capacity.reserve(), false);
    capacity.free();
    assert.equal(capacity.reserve(), true);
  });

  it('grows with the pace at which messages go, to ten seconds of it and no more than 500', () => {
    const { room, settle } = stage();
    settle(30, 60);
    assert.ok(room() >= 280 && room() <= 300, `${room()}`);
    settle(1_000, 60);
    assert.equal(room(), 500);
    settle(1, 60);
    assert.equal(room(), 100);
  });

  it('ends where the bodies in hand are large', () => {
    const { room, inHand } = stage();
    inHand.messages = 17;
    inHand.bytes = 17 * 1024 * 1024;
    assert.equal(room(), 0);
  });
});
