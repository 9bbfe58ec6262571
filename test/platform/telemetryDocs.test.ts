import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const PROJECT = join(import.meta.dirname, '../..');
const DOCS = readFileSync(join(PROJECT, 'docs/telemetry.md'), 'utf8');

/** What the code calls its metrics, but for the bridge, whose guide is held to them by a test of its own. */
function createdMetrics(): readonly string[] {
  const files = readdirSync(join(PROJECT, 'src'), { recursive: true, encoding: 'utf8' });
  return files
    .filter((file) => file.endsWith('.ts') && !file.startsWith('bridges/'))
    .flatMap((file) => [
      ...readFileSync(join(PROJECT, 'src', file), 'utf8').matchAll(
        /\.create(?:Observable)?(?:Counter|UpDownCounter|Gauge|Histogram)\(\s*'([^']+)'/g,
      ),
    ])
    .map(([, name = '']) => name);
}

describe('the guide to the telemetry', () => {
  it('names every metric and no other', () => {
    const section = DOCS.split('## Metrics\n')[1]?.split("\nTemporal's own are")[0] ?? '';
    const documented = [...section.matchAll(/^\| `([^`]+)`/gm)].map(([, name = '']) => name);
    assert.ok(documented.length > 0);
    assert.deepEqual(documented.toSorted(), createdMetrics().toSorted());
  });

  it('names every variable that is read, and the interval that is in force without one', () => {
    const source = readFileSync(join(PROJECT, 'src/platform/otlp.ts'), 'utf8');
    for (const [, variable = ''] of source.matchAll(/'(OTEL_[A-Z_]+)'/g)) {
      assert.ok(DOCS.includes(variable), variable);
    }
    assert.match(DOCS, /`OTEL_METRIC_EXPORT_INTERVAL` .* 1000 to 3600000; 60000 /);
  });
});
