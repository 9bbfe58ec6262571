import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Kept, type KeptFigures, keepFigures, readFigures } from '../../bench/keptFigures.ts';

const KEPT: Kept<KeptFigures['growth']> = {
  measuredOn: '2026-01-31',
  environment: {
    cpus: 2,
    cpuModel: 'any',
    memoryGigabytes: 8,
    platform: 'linux x64',
    node: 'v24.0.0',
    temporalServer: '1.0.0',
    packages: {},
  },
  figures: [
    {
      name: 'bridges',
      series: [{ name: 'starts', points: [{ at: 1, values: [291.23456, 12345] }] }],
    },
  ],
};

describe('the figures that are kept', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'waybill-kept-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('are read as they were written, to four digits of fractions', async () => {
    await keepFigures(path.join(folder, 'new'), 'growth', KEPT);
    assert.deepEqual(await readFigures(path.join(folder, 'new'), 'growth'), {
      ...KEPT,
      figures: [
        {
          name: 'bridges',
          series: [{ name: 'starts', points: [{ at: 1, values: [291.2, 12345] }] }],
        },
      ],
    });
  });

  it('do not come from another file', async () => {
    await assert.rejects(readFigures(path.join(folder, 'new'), 'together'), { code: 'ENOENT' });
  });
});
