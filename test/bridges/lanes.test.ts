import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Lanes } from '../../src/bridges/lanes.ts';

describe('Lanes', () => {
  it('keep the order within a key, and let at most one of it run, whatever the work does', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(fc.record({ key: fc.constantFrom('a', 'b', 'c'), fails: fc.boolean() })),
        async (scheduler, works) => {
          const lanes = new Lanes();
          const running = new Set<string>();
          const done = new Map<string, number[]>();
          const runs = works.map(({ key, fails }, index) =>
            lanes.run(key, async () => {
              assert.ok(!running.has(key));
              running.add(key);
              await scheduler.schedule(Promise.resolve());
              running.delete(key);
              done.set(key, [...(done.get(key) ?? []), index]);
              if (fails) throw new Error(`work ${index}`);
              return index;
            }),
          );
          const all = Promise.allSettled(runs);
          await scheduler.waitFor(all);
          (await all).forEach((result, index) => {
            if (result.status === 'fulfilled') assert.equal(result.value, index);
            else assert.equal((result.reason as Error).message, `work ${index}`);
            assert.equal(result.status === 'rejected', works[index]?.fails);
          });
          for (const order of done.values()) {
            assert.deepEqual(
              order,
              order.toSorted((one, other) => one - other),
            );
          }
        },
      ),
    );
  });

  it('let other keys go on beside one that hangs', async () => {
    const lanes = new Lanes();
    const held = Promise.withResolvers<string>();
    const hanging = lanes.run('a', () => held.promise);
    const behind = lanes.run('a', () => Promise.resolve('behind'));
    assert.equal(await lanes.run('b', () => Promise.resolve('beside')), 'beside');
    held.resolve('first');
    assert.deepEqual(await Promise.all([hanging, behind]), ['first', 'behind']);
  });
});
