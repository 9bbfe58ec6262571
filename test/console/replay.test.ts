import assert from 'node:assert/strict';
import { join } from 'node:path';
import { readFolder, type NamedHistory } from '../../src/console/histories.ts';
import { replayHistories } from '../../src/console/replay.ts';
import { bundleWorkflows } from '../../src/platform/workflowBundle.ts';
import { createTelemetry } from '../../src/platform/telemetry.ts';

describe('a replay of many histories', function () {
  this.timeout(180_000);

  it('has one of them in hand at a time', async () => {
    let read = 0;
    let replayed = 0;
    let most = 0;
    async function* many(): AsyncGenerator<NamedHistory> {
      for (let round = 0; round < 3; round += 1) {
        for await (const history of readFolder(join(import.meta.dirname, '../replay'))) {
          read += 1;
          most = Math.max(most, read - replayed);
          yield { ...history, name: `${round} ${history.name}` };
        }
      }
    }
    const names = new Set<string>();
    const options = { workflowBundle: await bundleWorkflows(), plugins: [createTelemetry()] };
    for await (const { name } of replayHistories(many(), options)) {
      replayed += 1;
      names.add(name);
    }
    assert.equal(most, 1);
    assert.equal(replayed, read);
    assert.equal(names.size, read);
  });
});
