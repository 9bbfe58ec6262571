import assert from 'node:assert/strict';
import { enter, strike, youngest } from '../../src/domain/saga.ts';

describe("a saga's ledger", () => {
  it('gives the youngest first and forgets what was carried out', () => {
    const ledger = enter(enter([] as readonly string[], 'release'), 'refund');
    assert.equal(youngest(ledger), 'refund');
    assert.equal(youngest(strike(ledger, 'refund')), 'release');
    assert.equal(youngest(strike(strike(ledger, 'refund'), 'release')), undefined);
  });

  it('holds a step that is tried again only once', () => {
    assert.deepEqual(enter(enter([], 'refund'), 'refund'), ['refund']);
  });
});
