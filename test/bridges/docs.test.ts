import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { metrics, type MeterProvider } from '@opentelemetry/api';
import { createMetrics } from '../../src/bridges/metrics.ts';
import { PARKING_CODES } from '../../src/contracts/parking.ts';

const DOCS = readFileSync(join(import.meta.dirname, '../../docs/bridge.md'), 'utf8');

/** The rows of the tables under a heading: their first cell's code, and the second cell. */
function rowsUnder(heading: string): readonly [string, string][] {
  const section = DOCS.split(`${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return [...section.matchAll(/^\| `([^`]+)` +\| (.*?) +\|/gm)].map(([, code = '', text = '']) => [
    code,
    text,
  ]);
}

describe("the bridge's guide", () => {
  it('names every parking code and no other, and says what each says', () => {
    assert.deepEqual(Object.fromEntries(rowsUnder('### Parking codes')), PARKING_CODES);
  });

  it('names every metric and no other', () => {
    const created: string[] = [];
    const instrument = (name: string) => void created.push(name);
    const meter = {
      createCounter: instrument,
      createHistogram: instrument,
      createObservableGauge: instrument,
    };
    metrics.setGlobalMeterProvider({ getMeter: () => meter } as unknown as MeterProvider);
    try {
      createMetrics();
    } finally {
      metrics.disable();
    }
    const documented = rowsUnder('## Metrics, logs, traces').map(([name]) => name);
    assert.deepEqual(documented.toSorted(), created.toSorted());
  });
});
