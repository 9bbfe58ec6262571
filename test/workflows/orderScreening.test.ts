import assert from 'node:assert/strict';
import {
  awaitPayment,
  cancelOrder,
  decideReview,
  type OrderRow,
  type ReviewRequest,
} from '../../src/contracts/orders.ts';
import { advance } from '../support/clock.ts';
import { type OrderHandle, type OrderService } from '../support/orderService.ts';
import { CUSTOMER, fulfilling, withOrderService } from '../support/orders.ts';

const DAY = 86_400;
const APPROVAL: ReviewRequest = { decision: 'approve', reason: 'known', requestedBy: 'staff:ana' };
const REJECTION: ReviewRequest = {
  decision: 'reject',
  reason: 'stolen-card',
  requestedBy: 'staff:bo',
};

const onReview = (row: OrderRow) => row.waitingFor === 'review';

/** What the timeline says of commands and of this step, in its order. */
function told({ timeline }: OrderRow, step: string): readonly string[] {
  return timeline
    .filter(({ kind, name }) => kind === 'command' || name === step)
    .map(({ name, outcome, reason }) => [name, outcome, reason].filter(Boolean).join(' '));
}

describe('the screening of an order', () => {
  let service: OrderService;
  withOrderService((started) => (service = started));

  async function assertUntouched(handle: OrderHandle): Promise<OrderRow> {
    const { row, reservation, intents } = await service.look(handle);
    assert.deepEqual([reservation, intents], [undefined, []]);
    assert.ok(row);
    await service.assertStock();
    return row;
  }

  it('lets an order go on without a person', async () => {
    const handle = await service.place();
    const row = await service.until(handle, fulfilling);
    assert.deepEqual(told(row, 'screen'), ['screen approve']);
    assert.equal(row.review, null);
    await handle.executeUpdate(cancelOrder, { args: [CUSTOMER] });
    assert.equal((await handle.result()).state, 'refunded');
  });

  it('lets a doubtful order go on once a person approves it', async () => {
    const handle = await service.place({ customerId: 'doubtful-1' });
    const doubtful = await service.until(handle, onReview);
    assert.deepEqual([doubtful.state, doubtful.reason], ['on-review', 'screening-doubtful']);
    const waiting = await handle.executeUpdate(awaitPayment);
    assert.equal(waiting.outcome, 'on-review');

    const answer = await handle.executeUpdate(decideReview, { args: [APPROVAL] });
    assert.deepEqual(answer, { accepted: true, state: 'on-review' });
    // A second opinion is too late.
    const second = await handle.executeUpdate(decideReview, { args: [REJECTION] });
    assert.ok(!second.accepted);
    assert.equal(second.reason, 'already-reviewed');
    assert.deepEqual([second.wonBy?.what, second.wonBy?.by], ['decide-review', 'staff:ana']);

    const row = await service.until(handle, fulfilling);
    assert.deepEqual(row.review, APPROVAL);
    assert.equal((await handle.executeUpdate(awaitPayment)).outcome, 'paid');
    await handle.executeUpdate(cancelOrder, { args: [CUSTOMER] });
    assert.equal((await handle.result()).state, 'refunded');
    const { captured, refunded, reservation } = await service.look(handle);
    assert.deepEqual([captured, refunded, reservation], [2_999, 2_999, 'released']);
    await service.record(handle, 'order-review-approved');
  });

  it('ends an order that a person rejects', async () => {
    const handle = await service.place({ customerId: 'doubtful-2' });
    await service.until(handle, onReview);
    const answer = await handle.executeUpdate(decideReview, { args: [REJECTION] });
    assert.equal(answer.accepted, true);
    assert.equal((await handle.result()).state, 'rejected');
    const row = await assertUntouched(handle);
    assert.deepEqual([row.state, row.reason], ['rejected', 'review-rejected']);
    assert.deepEqual(told(row, 'screen'), ['screen review', 'decide-review applied']);
    await service.record(handle, 'order-review-rejected');
  });

  it('ends an order that nobody reviewed in time', async () => {
    const handle = await service.place({ customerId: 'doubtful-3' });
    await service.until(handle, onReview);
    await advance(handle, 2 * DAY + 1);
    assert.equal((await handle.result()).state, 'rejected');
    assert.equal((await assertUntouched(handle)).reason, 'review-expired');
    await service.record(handle, 'order-review-expired');
  });

  it('ends an order that looks like fraud, without a person', async () => {
    const handle = await service.place({ customerId: 'fraudulent-1' });
    const outcome = handle.executeUpdate(awaitPayment);
    assert.equal((await handle.result()).state, 'rejected');
    const row = await assertUntouched(handle);
    assert.equal(row.reason, 'screening-rejected');
    assert.deepEqual(row.cancellation, null);
    assert.deepEqual(await outcome, {
      outcome: 'stopped',
      state: 'rejected',
      reason: 'screening-rejected',
    });
    await service.record(handle, 'order-screening-rejected');
  });

  it('can be cancelled while it is reviewed', async () => {
    const handle = await service.place({ customerId: 'doubtful-4' });
    await service.until(handle, onReview);
    const answer = await handle.executeUpdate(cancelOrder, { args: [CUSTOMER] });
    assert.deepEqual(answer, { accepted: true, state: 'on-review' });
    assert.equal((await handle.result()).state, 'cancelled');
    assert.equal((await assertUntouched(handle)).reason, 'changed-my-mind');
    await service.record(handle, 'order-review-cancelled');
  });

  for (const first of ['the customer', 'the reviewer'] as const) {
    it(`is decided by one of two at once, when ${first} is asked first`, async () => {
      const handle = await service.place({ customerId: 'doubtful-5' });
      await service.until(handle, onReview);
      const cancel = () => handle.executeUpdate(cancelOrder, { args: [CUSTOMER] });
      const reject = () => handle.executeUpdate(decideReview, { args: [REJECTION] });
      const both =
        first === 'the customer' ? [cancel(), reject()] : [reject(), cancel()].toReversed();
      const [cancelled, rejected] = await Promise.all(both);
      assert.ok(cancelled && rejected);
      assert.notEqual(cancelled.accepted, rejected.accepted);
      const { state } = await handle.result();
      if (cancelled.accepted) {
        assert.ok(!rejected.accepted);
        assert.deepEqual([rejected.reason, rejected.wonBy?.what], ['order-cancelled', 'cancel']);
        assert.equal(rejected.wonBy?.by, CUSTOMER.requestedBy);
        assert.equal(state, 'cancelled');
      } else {
        assert.deepEqual(
          [cancelled.reason, cancelled.wonBy?.what],
          ['order-rejected', 'decide-review'],
        );
        assert.equal(cancelled.wonBy?.by, REJECTION.requestedBy);
        assert.equal(state, 'rejected');
      }
      await assertUntouched(handle);
    });
  }

  it('does not take an answer to a question that nobody asked', async () => {
    const handle = await service.place();
    await service.until(handle, fulfilling);
    const answer = await handle.executeUpdate(decideReview, { args: [APPROVAL] });
    assert.deepEqual(answer, { accepted: false, state: 'fulfilling', reason: 'not-on-review' });
    await handle.executeUpdate(cancelOrder, { args: [CUSTOMER] });
    await handle.result();
  });
});

describe('the screening of an order, while it gives no answer', () => {
  let service: OrderService;

  withOrderService((started) => (service = started), { isScreeningUp: false });

  it('leaves the decision to a person', async () => {
    const handle = await service.place();
    const row = await service.until(handle, onReview);
    assert.equal(row.reason, 'screening-unavailable');
    assert.deepEqual(told(row, 'screen'), [
      'screen unanswered',
      'screen review screening-unavailable',
    ]);
    await handle.executeUpdate(decideReview, { args: [REJECTION] });
    assert.equal((await handle.result()).state, 'rejected');
    await service.record(handle, 'order-screening-unavailable');
  });
});
