import assert from 'node:assert/strict';
import {
  fingerprint,
  joinedFingerprints,
  splitFingerprints,
} from '../../src/contracts/fingerprint.ts';

describe('fingerprint', () => {
  it('has one length, and never changes: it is carried from run to run', () => {
    assert.equal(fingerprint(''), fingerprint(''));
    for (const text of ['', 'a', 'com.shop.orders:1', 'ä'.repeat(1_000)]) {
      assert.match(fingerprint(text), /^[0-9a-v]{14}$/);
    }
    assert.equal(fingerprint('com.shop.orders:1'), '0h1rqbk18sd1ih');
  });

  it('is told apart again after it was joined with others', () => {
    const several = ['a', 'b', 'c'].map(fingerprint);
    assert.deepEqual(splitFingerprints(joinedFingerprints(several)), several);
    assert.deepEqual(splitFingerprints(), []);
  });

  it('differs for texts that differ little, 200,000 of them', () => {
    const seen = new Set<string>();
    for (let number = 0; number < 100_000; number += 1) {
      seen.add(fingerprint(`com.shop.orders:${number}`));
      seen.add(fingerprint(`com.shop.payments:evt_${number.toString(36)}`));
    }
    assert.equal(seen.size, 200_000);
  });
});
