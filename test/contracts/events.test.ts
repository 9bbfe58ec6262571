import assert from 'node:assert/strict';
import { EVENTS, eventJsonSchemas, OrderPlaced } from '../../src/contracts/events.ts';

const placed = {
  version: 1,
  channel: 'web',
  orderId: '42',
  customerId: 'c-1',
  currency: 'USD',
  lines: [{ sku: 'cd-1', quantity: 2, amount: 2933, sellerId: 's-1' }],
  paymentMethod: 'pm_card_visa',
};

function firstIssue(change: object): string {
  const parsed = OrderPlaced.safeParse({ ...placed, ...change });
  assert.equal(parsed.success, false);
  const issue = parsed.error.issues[0];
  return issue ? issue.path.join('.') : '';
}

describe('OrderPlaced', () => {
  it('tolerates unknown fields and drops them', () => {
    assert.deepEqual(OrderPlaced.parse({ ...placed, colour: 'red' }), placed);
  });

  it('is free without a payment method, and only then', () => {
    const free = {
      ...placed,
      lines: [{ ...placed.lines[0], amount: 0 }],
      paymentMethod: undefined,
    };
    assert.equal(OrderPlaced.safeParse(free).success, true);
    assert.equal(firstIssue({ paymentMethod: undefined }), 'paymentMethod');
  });

  for (const [what, change, field] of [
    ['a negative amount', { lines: [{ ...placed.lines[0], amount: -1 }] }, 'lines.0.amount'],
    ['a fraction of a cent', { lines: [{ ...placed.lines[0], amount: 1.5 }] }, 'lines.0.amount'],
    ['an amount past 2^53', { lines: [{ ...placed.lines[0], amount: 2 ** 53 }] }, 'lines.0.amount'],
    ['an unknown currency', { currency: 'XXX' }, 'currency'],
    ['no lines', { lines: [] }, 'lines'],
    ['an ID of 10 kB', { orderId: 'x'.repeat(10_000) }, 'orderId'],
    ['control characters in an ID', { orderId: 'a\u0000b' }, 'orderId'],
    ['a colon in an ID, which separates the parts of a workflow ID', { orderId: 'a:b' }, 'orderId'],
    ['another version', { version: 2 }, 'version'],
  ] as const) {
    it(`refuses ${what}, naming ${field}`, () => assert.equal(firstIssue(change), field));
  }
});

describe('the canonical events', () => {
  it('have a JSON Schema each, generated from the same definition', () => {
    const schemas = eventJsonSchemas();
    assert.deepEqual(Object.keys(schemas), Object.keys(EVENTS));
    for (const schema of Object.values(schemas)) {
      assert.equal((schema as { type?: string }).type, 'object');
      assert.ok((schema as { required: string[] }).required.includes('version'));
    }
  });
});
