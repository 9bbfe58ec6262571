import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { customerText, type Names } from '../../src/domain/customerText.ts';
import { ENGLISH } from '../../src/domain/english.ts';
import {
  CUSTOMER_RETURN_STATES,
  CUSTOMER_STATES,
  NOTICES,
  type Matter,
  type OrderMatter,
  type ReturnMatter,
} from '../../src/domain/notification.ts';

const SOURCE = join(import.meta.dirname, '../../src');

/** Every code that is the first argument of one of these, in these files. */
function codesIn(files: readonly string[], call: RegExp): ReadonlySet<string> {
  const sources = files.map((file) => readFileSync(join(SOURCE, file), 'utf8')).join('\n');
  return new Set([...sources.matchAll(call)].map(([, code = '']) => code));
}

function workflows(): readonly string[] {
  return readdirSync(join(SOURCE, 'workflows')).map((name) => `workflows/${name}`);
}

describe("a customer's text", () => {
  const names = { orderId: 'o-1', returnId: 'r-1', goodsUntil: '2027-04-20T12:00:00.000Z' };
  const order = (state: OrderMatter['state'], reason: string | null = null) =>
    customerText({ type: 'order-state', state, reason, ...names });
  const returned = (state: ReturnMatter['state'], reason: string | null = null) =>
    customerText({ type: 'return-state', state, reason, ...names });

  /** All that a customer can get, with each reason that has words of its own. */
  function everything(): readonly (Matter & Names)[] {
    const reasons = [null, ...Object.keys(ENGLISH.orderReasons)];
    const returnReasons = [null, ...Object.keys(ENGLISH.returnReasons)];
    return [
      ...CUSTOMER_STATES.flatMap((state) =>
        reasons
          .filter((reason) => state !== 'awaiting-payment' || reason !== null)
          .map((reason) => ({ type: 'order-state', state, reason }) as const),
      ),
      ...NOTICES.map((type) => ({ type, state: 'shipped', reason: null }) as const),
      ...CUSTOMER_RETURN_STATES.flatMap((state) =>
        returnReasons.map((reason) => ({ type: 'return-state', state, reason }) as const),
      ),
      { type: 'return-reminder', state: 'awaiting-goods', reason: null } as const,
    ].map((matter) => ({ ...matter, ...names }));
  }

  it('is there for all that a customer can get, and names what it is about', () => {
    for (const matter of everything()) {
      const text = customerText(matter);
      const what = `${matter.type} ${matter.state} ${matter.reason}`;
      assert.ok(text, what);
      assert.equal(text.locale, 'en');
      assert.match(text.subject, /[or]-1/, what);
      assert.match(text.body, /[.]$|o-1/, what);
      assert.doesNotMatch(text.subject + text.body, /[{}]|undefined|null/, what);
    }
  });

  it('has words for every reason for which an order ends by itself', () => {
    const codes = codesIn(workflows(), /\bstop\('([^']+)'\)/g);
    assert.ok(codes.has('out-of-stock') && codes.size >= 5, [...codes].join(', '));
    for (const code of codes) {
      assert.ok(Object.hasOwn(ENGLISH.orderReasons, code), `no words for ${code}`);
    }
  });

  it('has words for every reason for which a return is rejected or has expired', () => {
    const codes = codesIn(
      ['domain/return.ts', 'activities/returns.ts'],
      /\brejected\(['`]([^'`$]+)/g,
    );
    assert.ok(codes.has('unknown-order') && codes.has('order-'), [...codes].join(', '));
    for (const code of [...codes, 'goods-not-received', 'workflow-cancelled']) {
      const known = code === 'order-' ? 'order-not-delivered' : code;
      assert.ok(Object.hasOwn(ENGLISH.returnReasons, known), `no words for ${code}`);
    }
  });

  it('says why, as far as the customer is to know', () => {
    assert.match(
      order('awaiting-payment', 'insufficient_funds')?.body ?? '',
      /^There is not enough/,
    );
    assert.match(order('cancelled', 'out-of-stock')?.body ?? '', /^Not all that you ordered/);
    assert.match(returned('rejected', 'order-shipped')?.body ?? '', /^The order has not been/);
    const { body } = returned('expired', 'goods-not-received') ?? { body: '' };
    assert.match(body, /^The goods did not arrive in time\. Your return r-1 of order o-1/);
  });

  it('never says that a card is known as stolen, nor what a screening found', () => {
    const declined = order('cancelled', 'generic-nonsense')?.body;
    assert.match(
      order('awaiting-payment', 'a_new_code')?.body ?? '',
      /^Your payment was declined\./,
    );
    for (const code of ['fraudulent', 'stolen_card', 'pickup_card', 'merchant_blacklist']) {
      assert.equal(order('cancelled', code)?.body, `Your payment was declined. ${declined}`);
    }
    const rejected = order('rejected');
    for (const code of [
      'screening-rejected',
      'review-rejected',
      'review-expired',
      'out-of-stock',
    ]) {
      assert.deepEqual(order('rejected', code), rejected);
    }
  });

  it('never says what somebody has written as a reason', () => {
    const plain = order('cancelled');
    for (const reason of ['constructor', '__proto__', 'toString']) {
      assert.deepEqual(order('cancelled', reason), plain);
    }
    fc.assert(
      fc.property(fc.string(), (written) => {
        assert.deepEqual(order('cancelled', `looks shady: ${written}`), plain);
      }),
    );
  });

  it('is in the language that was asked for, if there is one, else in English', () => {
    const matter = { type: 'order-state', state: 'paid', reason: null, ...names } as const;
    const english = customerText(matter, 'en');
    assert.equal(english?.subject, 'We have received your payment for order o-1');
    for (const locale of ['en-GB', 'de-CH', 'constructor', '', '??']) {
      assert.deepEqual(customerText(matter, locale), english);
    }
  });

  it('names the day until which goods are awaited', () => {
    assert.match(returned('awaiting-goods')?.body ?? '', /arrive by April 20, 2027\.$/);
  });

  it('is none of what is not for customers', () => {
    for (const state of ['screening', 'on-review', 'awaiting-payment', 'needs-operator'] as const) {
      assert.equal(order(state), null);
    }
    assert.equal(returned('requested'), null);
    assert.equal(customerText({ type: 'dispute-opened', state: 'opened', reason: null }), null);
  });
});
