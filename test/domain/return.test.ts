import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { OrderState } from '../../src/domain/order.ts';
import {
  acceptedPieces,
  countsAfterClosing,
  decideGoodsReceived,
  decideInspection,
  decideReturn,
  isReturnEnd,
  type LinePieces,
  type PricedPieces,
  type ReturnableOrder,
  type ReturnCounts,
} from '../../src/domain/return.ts';

const MUGS = { sku: 'mug', quantity: 3, amount: 1_000, sellerId: 's-1' };
const CAP = { sku: 'cap', quantity: 1, amount: 0, sellerId: 's-2' };
const order: ReturnableOrder = { state: 'delivered', lines: [MUGS, CAP], cancelledLines: [] };

function opened(
  counts: ReturnCounts,
  asked: readonly LinePieces[],
  of: ReturnableOrder = order,
): { readonly lines: readonly PricedPieces[]; readonly counts: ReturnCounts } {
  const decision = decideReturn(of, counts, asked);
  if (decision.kind === 'rejected') throw new Error(decision.reason);
  return decision;
}

function reasonOf(asked: readonly LinePieces[], change: Partial<ReturnableOrder> = {}): string {
  const decision = decideReturn({ ...order, ...change }, {}, asked);
  return decision.kind === 'rejected' ? decision.reason : decision.kind;
}

describe('a return', () => {
  it('is of pieces that were delivered, and not of others', () => {
    assert.equal(reasonOf([{ line: 1, quantity: 3 }]), 'opened');
    assert.equal(reasonOf([{ line: 1, quantity: 3 }], { state: 'closed' }), 'opened');
    const early: OrderState[] = ['paid', 'shipped', 'cancelled', 'refunded', 'needs-operator'];
    for (const state of early) {
      assert.equal(reasonOf([{ line: 1, quantity: 3 }], { state }), `order-${state}`);
    }
    for (const line of [0, 3, -1, 0.5, Number.NaN]) {
      assert.equal(reasonOf([{ line, quantity: 1 }]), 'unknown-line', String(line));
    }
    const cancelledLines = [{ line: 2 }];
    assert.equal(reasonOf([{ line: 2, quantity: 1 }], { cancelledLines }), 'line-cancelled');
    assert.equal(reasonOf([{ line: 1, quantity: 1 }], { cancelledLines }), 'opened');
    for (const quantity of [0, -1, 0.5, Number.NaN]) {
      assert.equal(reasonOf([{ line: 1, quantity }]), 'invalid-quantity', String(quantity));
    }
    assert.equal(reasonOf([]), 'nothing-to-return');
    assert.equal(reasonOf([{ line: 1, quantity: 4 }]), 'more-than-sold');
    const twice = [
      { line: 1, quantity: 2 },
      { line: 1, quantity: 2 },
    ];
    assert.equal(reasonOf(twice), 'more-than-sold');
  });

  it('takes no piece that another one has', () => {
    const first = opened({}, [{ line: 1, quantity: 2 }]);
    assert.deepEqual(decideReturn(order, first.counts, [{ line: 1, quantity: 2 }]), {
      kind: 'rejected',
      reason: 'already-returned',
    });
    const after = countsAfterClosing(first.counts, first.lines, []);
    assert.equal(opened(after, [{ line: 1, quantity: 3 }]).lines[0]?.amount, 1_000);
  });

  it('knows what its pieces are and cost', () => {
    const asked = [
      { line: 2, quantity: 1 },
      { line: 1, quantity: 1 },
    ];
    const first = opened({}, asked);
    assert.deepEqual(first.lines, [
      { line: 2, sku: 'cap', quantity: 1, amount: 0, sellerId: 's-2' },
      { line: 1, sku: 'mug', quantity: 1, amount: 333, sellerId: 's-1' },
    ]);
    const second = opened(first.counts, [{ line: 1, quantity: 2 }]);
    assert.deepEqual(
      second.lines.map(({ amount }) => amount),
      [667],
    );
  });

  it('gives back what its inspection accepts, each line in proportion', () => {
    const { lines } = opened({}, [
      { line: 1, quantity: 3 },
      { line: 2, quantity: 1 },
    ]);
    const accepted = [{ line: 1, quantity: 2 }];
    assert.deepEqual(decideInspection(lines, [...accepted, { line: 2, quantity: 0 }]), {
      outcome: 'applied',
      accepted,
      refund: 666,
    });
    assert.deepEqual(acceptedPieces(lines, accepted), [
      { ...MUGS, line: 1, quantity: 2, amount: 666 },
    ]);
    assert.deepEqual(decideInspection(lines, []), { outcome: 'applied', accepted: [], refund: 0 });
  });

  it('is inspected by its own lines and pieces', () => {
    const { lines } = opened({}, [{ line: 1, quantity: 2 }]);
    const refusal = (...inspected: LinePieces[]) => {
      const decision = decideInspection(lines, inspected);
      return decision.outcome === 'refused' ? decision.reason : decision.outcome;
    };
    assert.equal(refusal({ line: 2, quantity: 1 }), 'unknown-line');
    assert.equal(refusal({ line: 1, quantity: 3 }), 'more-than-returned');
    assert.equal(refusal({ line: 1, quantity: 1 }, { line: 1, quantity: 2 }), 'more-than-returned');
    for (const quantity of [-1, 0.5, Number.NaN]) {
      assert.equal(refusal({ line: 1, quantity }), 'invalid-quantity', String(quantity));
    }
  });

  it('takes its goods once, while it awaits them', () => {
    assert.deepEqual(decideGoodsReceived('awaiting-goods'), { outcome: 'applied' });
    for (const state of ['inspecting', 'refunding', 'refunded', 'refused'] as const) {
      const reason = 'already-received';
      assert.deepEqual(decideGoodsReceived(state), { outcome: 'duplicate', reason });
    }
    assert.deepEqual(decideGoodsReceived('expired'), {
      outcome: 'refused',
      reason: 'return-expired',
    });
    assert.ok(isReturnEnd('expired') && !isReturnEnd('needs-operator'));
  });

  it('costs nothing rather than less, where the dearest pieces of a line are out already', () => {
    const of: ReturnableOrder = { ...order, lines: [{ ...MUGS, amount: 1 }] };
    const one = [{ line: 1, quantity: 1 }];
    const first = opened({}, one, of);
    const second = opened(first.counts, one, of);
    const third = opened(second.counts, one, of);
    assert.equal(third.lines[0]?.amount, 1);
    let { counts } = third;
    for (const { lines } of [first, second]) counts = countsAfterClosing(counts, lines, []);
    assert.deepEqual(opened(counts, one, of).lines, [{ ...MUGS, line: 1, quantity: 1, amount: 0 }]);
  });

  /** One return of a line: opened, or an open one closed with so much of it accepted. */
  interface Act {
    readonly open: boolean;
    readonly quantity: number;
    readonly which: number;
    readonly accepted: number;
  }
  const act: fc.Arbitrary<Act> = fc.record({
    open: fc.boolean(),
    quantity: fc.integer({ min: 1, max: 9 }),
    which: fc.nat(),
    accepted: fc.nat({ max: 9 }),
  });
  const line = fc.record({
    sku: fc.constant('mug'),
    quantity: fc.integer({ min: 1, max: 9 }),
    amount: fc.oneof(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 99_999_999 })),
    sellerId: fc.constant('s'),
  });

  it('never gives back more than the line cost, and all of it once all is returned', () => {
    fc.assert(
      fc.property(line, fc.array(act, { maxLength: 30 }), (sold, acts) => {
        const of: ReturnableOrder = { state: 'closed', lines: [sold], cancelledLines: [] };
        let counts: ReturnCounts = {};
        const open: (readonly PricedPieces[])[] = [];
        let refunded = 0;
        let kept = 0;
        const close = (lines: readonly PricedPieces[], accepted: number) => {
          const decision = decideInspection(lines, [{ line: 1, quantity: accepted }]);
          if (decision.outcome === 'refused') throw new Error(decision.reason);
          const { refund } = decision;
          assert.ok(Number.isSafeInteger(refund) && refund >= 0);
          const whole = lines.reduce((sum, { amount }) => sum + amount, 0);
          assert.ok(refund <= whole);
          assert.ok(accepted < (lines[0]?.quantity ?? 0) || refund === whole);
          counts = countsAfterClosing(counts, lines, decision.accepted);
          refunded += refund;
          kept += accepted;
          assert.ok(refunded <= sold.amount, `${refunded} of ${sold.amount}`);
        };
        for (const { open: opens, quantity, which, accepted } of acts) {
          if (opens) {
            const decision = decideReturn(of, counts, [{ line: 1, quantity }]);
            if (decision.kind === 'rejected') continue;
            ({ counts } = decision);
            open.push(decision.lines);
          } else if (open.length > 0) {
            const [lines = []] = open.splice(which % open.length, 1);
            close(lines, Math.min(accepted, lines[0]?.quantity ?? 0));
          }
        }
        for (const lines of open) close(lines, lines[0]?.quantity ?? 0);
        if (kept < sold.quantity) {
          const last = opened(counts, [{ line: 1, quantity: sold.quantity - kept }], of);
          ({ counts } = last);
          close(last.lines, sold.quantity - kept);
        }
        assert.equal(refunded, sold.amount);
      }),
      { numRuns: 2_000 },
    );
  });

  it('costs what its place in the line says, where nothing was sent back before it', () => {
    fc.assert(
      fc.property(line, fc.array(fc.integer({ min: 1, max: 4 })), (sold, quantities) => {
        const of: ReturnableOrder = { state: 'closed', lines: [sold], cancelledLines: [] };
        const upTo = (pieces: number) => Math.floor((sold.amount * pieces) / sold.quantity);
        let counts: ReturnCounts = {};
        let before = 0;
        for (const quantity of quantities) {
          const decision = decideReturn(of, counts, [{ line: 1, quantity }]);
          if (decision.kind === 'rejected') continue;
          assert.equal(decision.lines[0]?.amount, upTo(before + quantity) - upTo(before));
          ({ counts } = decision);
          before += quantity;
        }
      }),
    );
  });
});
