import assert from 'node:assert/strict';
import { declineSeverity } from '../../src/domain/declines.ts';

describe('declineSeverity', () => {
  it('is hard after signs of fraud, and where no method can pay the amount', () => {
    for (const code of [
      'lost_card',
      'stolen_card',
      'pickup_card',
      'fraudulent',
      'amount_too_small',
    ]) {
      assert.equal(declineSeverity(code), 'hard', code);
    }
  });

  it('is soft where another method may help, and for codes that are not known', () => {
    for (const code of [
      'insufficient_funds',
      'generic_decline',
      'do_not_honor',
      'expired_card',
      'authentication_required',
      'a_code_of_tomorrow',
      'constructor',
    ]) {
      assert.equal(declineSeverity(code), 'soft', code);
    }
  });
});
