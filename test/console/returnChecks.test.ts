import assert from 'node:assert/strict';
import { checkReturns } from '../../src/console/returnChecks.ts';
import type { Stored } from '../../src/console/tables.ts';
import type { ReturnFacts } from '../../src/console/workflowFacts.ts';
import type { OrderRow } from '../../src/contracts/orders.ts';
import type { ReturnRow } from '../../src/contracts/returns.ts';
import { facts, KEY, nothing, returnRow, row } from './rows.ts';

describe('the checks of a return', () => {
  const returnFacts = (change: Partial<ReturnFacts> = {}): ReturnFacts => ({
    ...facts(),
    workflowId: 'return:r-1',
    state: 'refunded',
    ...change,
  });
  const restocked = (...pieces: Stored['restocks'][number]['pieces']) => [
    { returnKey: 'return:r-1', pieces },
  ];
  const ONE_SLEEVE = restocked({ sku: 'sleeve', quantity: 1 });

  function found(
    fact: ReturnFacts | null,
    stored: ReturnRow | null,
    restocks: Stored['restocks'] = [],
    orders: readonly OrderRow[] = [row()],
  ): readonly string[] {
    const returns = stored ? [stored] : [];
    const all = checkReturns(fact ? [fact] : [], { ...nothing, orders, returns, restocks });
    for (const { subject } of all) assert.equal(subject, 'return:r-1');
    return all.map(({ says }) => says);
  }

  it('find nothing where workflow, row and stock agree', () => {
    const waiting = { state: 'awaiting-goods', waitingFor: 'goods', accepted: null } as const;
    assert.deepEqual(found(returnFacts(), returnRow(), ONE_SLEEVE), []);
    assert.deepEqual(found(null, returnRow(), ONE_SLEEVE), []);
    assert.deepEqual(
      found(returnFacts({ state: 'awaiting-goods', running: true }), returnRow(waiting)),
      [],
    );
    for (const state of ['refused', 'expired'] as const) {
      assert.deepEqual(found(returnFacts({ state }), returnRow({ state, accepted: [] })), []);
    }
    const rejected = returnRow({ state: 'rejected', lines: [], accepted: null, refund: null });
    assert.deepEqual(found(returnFacts({ state: 'rejected' }), rejected, [], []), []);
    // The refund comes first, then the pieces.
    const refunding = returnRow({ state: 'needs-operator', waitingFor: 'operator' });
    const busy = returnFacts({ state: 'needs-operator', running: true });
    assert.deepEqual(found(busy, refunding), []);
    assert.deepEqual(found(busy, refunding, ONE_SLEEVE), []);
  });

  const cases: readonly (readonly [string, string, ...Parameters<typeof found>])[] = [
    ['no row', 'its workflow is refunded, but it has no row', returnFacts(), null],
    [
      'another state in its row',
      'its workflow is refused, its row refunded',
      returnFacts({ state: 'refused' }),
      returnRow(),
      ONE_SLEEVE,
    ],
    [
      'a workflow that ended on the way',
      'its workflow ended while it was inspecting',
      returnFacts({ state: 'inspecting' }),
      returnRow({ state: 'inspecting' }),
    ],
    [
      'a workflow that failed',
      'its workflow ended without a state',
      returnFacts({ state: null }),
      returnRow(),
      ONE_SLEEVE,
    ],
    [
      'nothing it waits for',
      'it is inspecting, and waits for nothing named',
      returnFacts({ state: 'inspecting', running: true }),
      returnRow({ state: 'inspecting' }),
    ],
    [
      'an event that its inbox never got',
      's:2 was signalled, and is not in its inbox',
      returnFacts({ signalled: ['s:2'] }),
      returnRow(),
      ONE_SLEEVE,
    ],
    [
      'a row under way of which Temporal knows nothing',
      'its row is inspecting, without a workflow',
      null,
      returnRow({ state: 'inspecting' }),
    ],
    ['no order', `its order ${KEY} has no row`, returnFacts(), returnRow(), ONE_SLEEVE, []],
    [
      'pieces that were accepted and are not on sale again',
      '1 pieces of sleeve were accepted and are not on sale again',
      returnFacts(),
      returnRow(),
    ],
    [
      'pieces on sale again that were not accepted',
      '1 pieces of sleeve are on sale again that were not accepted',
      returnFacts(),
      returnRow(),
      restocked({ sku: 'sleeve', quantity: 2 }),
    ],
    [
      'pieces on sale again of a return that never came',
      '1 pieces of sleeve are on sale again that were not accepted',
      returnFacts({ state: 'expired' }),
      returnRow({ state: 'expired', accepted: [] }),
      ONE_SLEEVE,
    ],
  ];
  for (const [what, says, ...given] of cases) {
    it(`find ${what}`, () => {
      const all = found(...given);
      assert.ok(all.includes(says), all.join('\n'));
    });
  }
});
