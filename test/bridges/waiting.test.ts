import assert from 'node:assert/strict';
import type { InboxPlan } from '../../src/bridges/plan.ts';
import { settle } from '../../src/bridges/settlement.ts';

describe('waiting for a workflow', () => {
  for (const limit of [60, 900, 3_600, 86_400, 7 * 86_400]) {
    it(`takes fewer receives than a queue allows, up to a limit of ${limit} s`, () => {
      const plan: InboxPlan = {
        operation: 'inbox',
        workflowId: 'w',
        earlySeconds: limit,
        late: 'park',
      };
      let receives = 1;
      for (let age = 0; age < limit; receives += 1) {
        const settlement = settle(plan, { delivery: 'early' }, age);
        assert.ok(settlement.kind === 'release');
        age += settlement.delaySeconds;
      }
      assert.ok(receives < 50, `${receives}`);
    });
  }
});
