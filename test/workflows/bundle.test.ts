import assert from 'node:assert/strict';
import { bundleWorkflows } from '../../src/platform/workflowBundle.ts';

/**
 * The most the workflows' code may come to, in bytes: what every worker loads, and the sandbox of every cached
 * workflow starts from. The SDK is about 550 kB of it, OpenTelemetry's interceptors about 450 kB.
 */
const BUDGET = 1_350_000;

/** Which packages may be in the bundle. */
const PACKAGES =
  /^(@temporalio\/(workflow|common|interceptors-opentelemetry-v2|worker)|@opentelemetry\/|nexus-rpc\/|ms\/|long\/)/;

describe('the workflow bundle', () => {
  let sources: readonly string[];
  let size: number;

  before(async function () {
    this.timeout(180_000);
    const { code } = await bundleWorkflows();
    const [script = '', map = ''] = code.split(
      '//# sourceMappingURL=data:application/json;charset=utf-8;base64,',
    );
    size = Buffer.byteLength(script);
    const decoded = JSON.parse(Buffer.from(map, 'base64').toString()) as { sources: string[] };
    sources = decoded.sources;
  });

  it('keeps to its budget', () => {
    assert.ok(size > 100_000, `${size} bytes: the source map was not split off`);
    assert.ok(size <= BUDGET, `${size} bytes, expected at most ${BUDGET}`);
  });

  it('holds our pure folders, and of the packages only those of the sandbox', () => {
    const packages = sources.flatMap(
      (source) => source.split('/node_modules/').slice(1).at(-1) ?? [],
    );
    assert.deepEqual(
      packages.filter((name) => !PACKAGES.test(name)),
      [],
    );
    const own = sources.filter(
      (source) => /\/src\/\w+\//.test(source) && !source.includes('node_modules'),
    );
    const folders = new Set(own.map((source) => /\/src\/(\w+)\//.exec(source)?.[1]));
    assert.deepEqual([...folders].map(String).toSorted(), ['contracts', 'domain', 'workflows']);
    assert.ok(
      own.every((source) => !source.includes('contracts/events')),
      'zod would follow',
    );
  });
});
