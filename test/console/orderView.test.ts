import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describeMoney } from '../../src/console/money.ts';
import { describeOrder, describeOrders } from '../../src/console/orderView.ts';
import { describeDuration, localTime, printable } from '../../src/console/printable.ts';
import type { OrderRow } from '../../src/contracts/orders.ts';
import { CURRENCIES } from '../../src/domain/money.ts';
import { openOrder } from '../../src/domain/order.ts';
import { orderRow } from '../support/orderRow.ts';
import { reportedShipment } from '../../src/domain/shipment.ts';

const total = { amount: 5_998, currency: 'USD' } as const;
const ROW = orderRow({
  ...openOrder(total, 'pm_card_visa'),
  orderId: '42',
  placedAt: '2026-11-21T12:00:00.000Z',
  lines: [
    { sku: 'record', quantity: 1, amount: 2_999, sellerId: 's-1' },
    { sku: 'poster', quantity: 2, amount: 2_999, sellerId: 's-2' },
  ],
});

describe('money in a terminal', () => {
  it('is in major units, with as many digits as the currency has', () => {
    const told = [
      describeMoney({ amount: 2_999, currency: 'USD' }),
      describeMoney({ amount: 5, currency: 'EUR' }),
      describeMoney({ amount: 2_999, currency: 'JPY' }),
      describeMoney({ amount: 2_999, currency: 'KWD' }),
      describeMoney({ amount: 0, currency: 'BHD' }),
      describeMoney({ amount: -150, currency: 'GBP' }),
    ];
    assert.deepEqual(told, [
      '29.99 USD',
      '0.05 EUR',
      '2999 JPY',
      '2.999 KWD',
      '0.000 BHD',
      '-1.50 GBP',
    ]);
  });

  it('has the digits that Unicode has for a currency, or more: the cash in use may have lost them', () => {
    for (const currency of CURRENCIES) {
      const format = new Intl.NumberFormat('en', { style: 'currency', currency });
      const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
      const [, fraction = ''] = /\.(\d+) /.exec(describeMoney({ amount: 0, currency })) ?? [];
      assert.ok(fraction.length >= digits, `${currency}: ${fraction.length}, expected ${digits}`);
    }
  });
});

describe('time in a terminal', () => {
  it('is by the clock on the wall, with its offset', () => {
    const program = `
      const { localTime } = await import(${JSON.stringify(join(import.meta.dirname, '../../src/console/printable.ts'))});
      console.log(localTime('2026-01-21T12:00:00.400Z'), localTime('2026-07-21T23:59:59.999Z'));
    `;
    const told = (TZ: string) =>
      execFileSync(process.execPath, ['--input-type=module', '--eval', program], {
        env: { TZ },
        encoding: 'utf8',
      }).trim();
    assert.equal(told('UTC'), '2026-01-21T12:00:00+00:00 2026-07-21T23:59:59+00:00');
    assert.equal(told('Europe/Berlin'), '2026-01-21T13:00:00+01:00 2026-07-22T01:59:59+02:00');
    assert.equal(told('America/St_Johns'), '2026-01-21T08:30:00-03:30 2026-07-21T21:29:59-02:30');
  });

  it('takes as long as a person can grasp at once', () => {
    const told = [0, 449, 59_949, 59_951, 3_599_600, 11_520_000, 93_600_000, 172_800_000];
    assert.deepEqual(told.map(describeDuration), [
      '0.0 s',
      '0.4 s',
      '59.9 s',
      '1 min',
      '1 h',
      '3 h 12 min',
      '1 d 2 h',
      '2 d',
    ]);
  });
});

describe('an order in a terminal', () => {
  it('says all that its row does', () => {
    const row: OrderRow = {
      ...ROW,
      state: 'fulfilling',
      waitingFor: 'dispatch',
      payment: { ...ROW.payment, status: 'captured', captured: 5_998, refunded: 2_999 },
      cancelledLines: [
        { line: 2, reason: 'no longer made', requestedBy: 'seller:s-2', settled: true, step: 1 },
      ],
      review: { decision: 'approve', reason: 'known', requestedBy: 'staff:ana' },
      shipments: [reportedShipment('p-1', 'dispatched')],
      timeline: [
        {
          n: 1,
          at: ROW.placedAt,
          kind: 'state',
          name: 'received',
          outcome: null,
          reason: null,
          by: null,
          took: null,
        },
      ],
    };
    assert.deepEqual(describeOrder(row).split('\n'), [
      'order web:42  fulfilling, waits for dispatch',
      '  customer   c-1',
      `  placed     ${localTime(ROW.placedAt)}`,
      '  total      59.98 USD',
      '  payment    captured, 59.98 USD captured, 29.99 USD refunded',
      '  lines      1. 1 x record, 29.99 USD, seller s-1',
      '             2. 2 x poster, 29.99 USD, seller s-2  cancelled: no longer made (seller:s-2)',
      '  shipments  p-1 dispatched',
      '  review     approve, known (staff:ana)',
      '  timeline   +0.0 s  order received',
    ]);
  });

  it('cannot steer the terminal by what somebody else wrote', () => {
    const cancellation = { reason: '\u001b[2J\u202eok\u0007', requestedBy: 'customer:c-1' };
    const told = describeOrder({ ...ROW, cancellation });
    assert.match(told, /cancelled {2}\\u\{1b\}\[2J\\u\{202e\}ok\\u\{7\} \(customer:c-1\)/);
    assert.equal(printable('żółć 東京 🎷'), 'żółć 東京 🎷');
  });

  it('is one line of a list', () => {
    const list = describeOrders([
      ROW,
      { ...ROW, orderId: '4711', state: 'cancelled', reason: 'out-of-stock' },
    ]);
    const placed = localTime(ROW.placedAt);
    assert.deepEqual(list.split('\n'), [
      'ORDER     STATE                         TOTAL  CUSTOMER  PLACED',
      `web:42    received                  59.98 USD  c-1       ${placed}`,
      `web:4711  cancelled (out-of-stock)  59.98 USD  c-1       ${placed}`,
    ]);
  });
});
