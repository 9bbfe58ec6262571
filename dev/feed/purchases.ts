import { readFileSync } from 'node:fs';
import type { PlacedOrder } from '../../src/contracts/orders.ts';

/** How many kinds of CD the shop has: enough that orders share stock, few enough that it shows. */
const KINDS = 20;

/** The first stock of a feed, by SKU: enough of what the samples buy, but of what is `scarce`. */
export const SAMPLE_STOCK: Readonly<Record<string, number>> = {
  record: 1_000,
  poster: 1_000,
  scarce: 0,
  ...Object.fromEntries(Array.from({ length: KINDS }, (_, kind) => [`cd-${kind}`, 1_000])),
};

/**
 * The first purchases of the CDNOW sample as orders, in their order. Zero-dollar purchases are free orders,
 * which need no payment.
 *
 * @param count - 1 to 6,919.
 */
export function readPurchases(count: number): readonly PlacedOrder[] {
  const text = readFileSync(new URL('../data/CDNOW_sample.txt', import.meta.url), 'utf8');
  const rows = text.split('\n').filter((row) => row.trim() !== '');
  return rows.slice(0, count).map((row, index) => {
    const [, customer = '', , pieces = '', dollars = ''] = row.trim().split(/\s+/);
    const amount = cents(dollars);
    return {
      version: 1,
      channel: 'cdnow',
      orderId: String(index + 1).padStart(4, '0'),
      customerId: customer,
      currency: 'USD',
      lines: [{ sku: `cd-${index % KINDS}`, quantity: Number(pieces), amount, sellerId: 'cdnow' }],
      ...(amount > 0 && { paymentMethod: 'pm_card_visa' }),
    };
  });
}

/** By digits: 29.33 has no exact binary fraction. */
function cents(dollars: string): number {
  const [whole = '0', fraction = ''] = dollars.split('.');
  return Number(whole) * 100 + Number(fraction.padEnd(2, '0'));
}
