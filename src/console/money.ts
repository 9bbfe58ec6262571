import type { Currency, Money } from '../domain/money.ts';

/** The currencies whose minor unit is not a hundredth, by the digits after the point: ISO 4217. */
const DIGITS: Partial<Record<Currency, number>> = {
  BIF: 0,
  CLP: 0,
  DJF: 0,
  GNF: 0,
  ISK: 0,
  JPY: 0,
  KMF: 0,
  KRW: 0,
  PYG: 0,
  RWF: 0,
  UGX: 0,
  VND: 0,
  VUV: 0,
  XAF: 0,
  XOF: 0,
  XPF: 0,
  BHD: 3,
  IQD: 3,
  JOD: 3,
  KWD: 3,
  LYD: 3,
  OMR: 3,
  TND: 3,
};

/** Money as people write it: `29.99 USD`, `2999 JPY`. By digits: 29.99 has no exact binary fraction. */
export function describeMoney({ amount, currency }: Money): string {
  const digits = DIGITS[currency] ?? 2;
  const all = String(Math.abs(amount)).padStart(digits + 1, '0');
  const whole = all.slice(0, all.length - digits);
  const fraction = digits === 0 ? '' : `.${all.slice(-digits)}`;
  return `${amount < 0 ? '-' : ''}${whole}${fraction} ${currency}`;
}
