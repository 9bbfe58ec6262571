import type { Defect, Tests } from '../defect.ts';

const HARNESS = 'test/faults/harness.test.ts';
const FIXED_SEED: Tests = { file: HARNESS, title: 'a fixed seed' };
const FLASH_SALE: Tests = { file: HARNESS, title: 'sells in a flash sale what there is, once' };

/** Which of the other defects the service under fire must show from outside as well. */
const SHOWN: Readonly<Record<string, Tests>> = {
  oversold: FLASH_SALE,
  'delete-before-deliver': FIXED_SEED,
  'replayed-500-final': FIXED_SEED,
};

/** Of these, the ones that `npm run faults` is held to: a harness that nothing fails under proves nothing. */
export function underFire(defects: readonly Defect[]): readonly Defect[] {
  return Object.entries(SHOWN).map(([id, caughtBy]) => {
    const defect = defects.find((one) => one.id === id);
    if (!defect) throw new Error(`${id}: expected a known defect`);
    return {
      ...defect,
      id: `${id}-under-fire`,
      what: `${defect.what}, seen from outside`,
      caughtBy,
    };
  });
}
