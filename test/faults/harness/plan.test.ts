import assert from 'node:assert/strict';
import { describeFault, KILLED, LINKS, planFaults } from './plan.ts';

const MINUTE = 60_000;

describe('the plan of faults', () => {
  it('is the same for the same seed, and another for another', () => {
    const plan = planFaults({ seed: 7, lasts: MINUTE });
    assert.deepEqual(planFaults({ seed: 7, lasts: MINUTE }), plan);
    assert.notDeepEqual(planFaults({ seed: 8, lasts: MINUTE }), plan);
  });

  it('of a longer run begins as that of a shorter one', () => {
    const short = planFaults({ seed: 7, lasts: MINUTE });
    assert.deepEqual(planFaults({ seed: 7, lasts: 2 * MINUTE }).slice(0, short.length), short);
  });

  it('comes to everything that can be done, in the order of time', () => {
    const plan = planFaults({ seed: 1, lasts: 30 * MINUTE });
    const kinds = new Set(plan.map(({ fault }) => describeFault(fault)));
    for (const part of KILLED) assert.ok(kinds.has(`${part} killed`), part);
    for (const link of LINKS) assert.ok(kinds.has(`connections to ${link} cut`), link);
    for (const one of [
      'emulator restarted',
      'requests to provider repeated',
      'requests to emulator repeated',
      'payments dropped after effect',
      'payments hung after effect',
      'payments answered 500 without effect',
      'dead letters redriven',
    ]) {
      assert.ok(kinds.has(one), one);
    }
    const times = plan.map(({ at }) => at);
    assert.deepEqual(
      times,
      times.toSorted((one, other) => one - other),
    );
  });

  it('does one thing at a time to a process, and leaves it time to recover', () => {
    const plan = planFaults({ seed: 3, lasts: 10 * MINUTE });
    for (const part of KILLED) {
      let up = 0;
      for (const { at, fault } of plan) {
        if (fault.kind !== 'kill' || fault.part !== part) continue;
        assert.ok(at >= up, `${part} at ${at}`);
        up = at + fault.down + 4_000;
      }
    }
  });

  it('kills nothing from a moment on, and does everything else', () => {
    const plan = planFaults({ seed: 5, lasts: 10 * MINUTE, killsUntil: 5 * MINUTE });
    const late = plan.filter(({ at }) => at >= 5 * MINUTE).map(({ fault }) => fault.kind);
    assert.ok(late.length > 50);
    assert.deepEqual(new Set(late).has('kill'), false);
    assert.deepEqual(new Set(late).has('restart'), false);
  });
});
