import assert from 'node:assert/strict';
import { createLimiter, type Limiter } from '../../src/bridges/limiter.ts';

/** Calls at the limit, again and again, of which each takes as long as the service says at that concurrency. */
function drive(limiter: Limiter, rounds: number, latencyAt: (inFlight: number) => number): void {
  for (let round = 0; round < rounds; round += 1) {
    let calls = 0;
    while (limiter.hasRoom) {
      limiter.begin();
      calls += 1;
    }
    const latency = latencyAt(calls);
    for (let call = 0; call < calls; call += 1) limiter.end(latency);
  }
}

describe('the limiter', () => {
  it('grows while more calls take no longer', () => {
    const limiter = createLimiter();
    drive(limiter, 200, () => 5);
    assert.equal(limiter.limit, 200);
  });

  it('does not grow beyond what is used', () => {
    const limiter = createLimiter();
    const before = limiter.limit;
    for (let call = 0; call < 1_000; call += 1) {
      limiter.begin();
      limiter.end(5);
    }
    assert.equal(limiter.limit, before);
  });

  it('settles where a service that is full would only make them wait longer', () => {
    const limiter = createLimiter();
    // It answers in 5 ms until it has 10 at once, and then in proportion.
    const full = (inFlight: number) => 5 * Math.max(1, inFlight / 10);
    drive(limiter, 300, full);
    assert.ok(limiter.limit >= 20 && limiter.limit <= 80, `${limiter.limit}`);
    // Somebody else takes most of it.
    drive(limiter, 300, (inFlight) => 5 * Math.max(1, inFlight / 2));
    assert.ok(limiter.limit >= 4 && limiter.limit <= 40, `${limiter.limit}`);
    drive(limiter, 300, full);
    assert.ok(limiter.limit >= 20, `${limiter.limit}`);
  });

  it('halves at a refusal, once for those that were in flight with it, and never stops', () => {
    let now = 0;
    const limiter = createLimiter(() => now);
    const before = limiter.limit;
    limiter.refused();
    limiter.refused();
    assert.equal(limiter.limit, before / 2);
    for (let refusal = 0; refusal < 20; refusal += 1) {
      now += 1_000;
      limiter.refused();
    }
    assert.ok(limiter.limit >= 1 && limiter.limit < before / 2);
  });

  it('takes a service for slow only against its best of the last minutes', () => {
    let now = 0;
    const limiter = createLimiter(() => now);
    drive(limiter, 50, () => 5);
    const fast = limiter.limit;
    drive(limiter, 50, () => 500);
    assert.ok(limiter.limit < fast / 2, `${limiter.limit}`);
    // It has become another service, farther away.
    for (let minute = 0; minute < 12; minute += 1) {
      now += 60_000;
      drive(limiter, 50, () => 500);
    }
    assert.ok(limiter.limit > fast / 2, `${limiter.limit}`);
  });

  it('learns nothing from a call that says nothing about the service', () => {
    const limiter = createLimiter();
    const before = limiter.limit;
    drive(limiter, 20, () => 5);
    const grown = limiter.limit;
    for (let call = 0; call < 1_000; call += 1) {
      limiter.begin();
      limiter.end(null);
    }
    assert.ok(grown > before);
    assert.equal(limiter.limit, grown);
    assert.equal(limiter.inFlight, 0);
  });
});
