import assert from 'node:assert/strict';
import { screeningDecision } from '../../src/domain/screening.ts';

describe('the screening', () => {
  for (const [score, decision] of [
    [0, 'approve'],
    [59.9, 'approve'],
    [60, 'review'],
    [89.9, 'review'],
    [90, 'reject'],
    [100, 'reject'],
  ] as const) {
    it(`decides ${decision} for a score of ${score}`, () => {
      assert.equal(screeningDecision(score), decision);
    });
  }
});
