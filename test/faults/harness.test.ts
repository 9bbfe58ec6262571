import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { runFaults } from './harness/faultRun.ts';
import { runFlashSale } from './harness/flashSale.ts';
import { describeReport, hasFailed, type Report } from './harness/report.ts';

// The short form of `npm run faults`; its command line says what the long one is.

const RUN = { orders: 50, minutes: 1, onProgress: () => undefined };
const SALE = { orders: 120, pieces: 30, onProgress: () => undefined };

describe('the whole service under fire', function () {
  this.timeout(900_000);

  const assertHeld = (report: Report) => {
    const [first = ''] = report.rows.flatMap(({ wrong }) => wrong);
    assert.ok(!hasFailed(report), `${first}\n${describeReport(report)}`);
  };

  for (const [what, seed] of [
    ['a fixed seed', 5],
    ['a fresh seed', randomInt(1e9)],
  ] as const) {
    it(`adds up, and does nothing twice (${what}: ${seed})`, async () => {
      assertHeld(await runFaults({ ...RUN, seed }));
    });
  }

  it('sells in a flash sale what there is, once', async () => {
    assertHeld(await runFlashSale(SALE));
  });
});
