import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readAcknowledged, readNotifications, readSent } from '../../src/console/evidence.ts';

const AT = '2027-03-09T12:00:00.000Z';
const settled = (outcome: string, eventId: string | null, time = AT) =>
  JSON.stringify({ level: 'info', time, process: 'bridge', outcome, eventId, msg: 'settled' });
const idsIn = (log: string) => [...readAcknowledged([log]).keys()];

describe('evidence', () => {
  let folder: string;
  const file = async (...lines: readonly string[]) => {
    const path = join(folder, 'evidence');
    await writeFile(path, lines.join('\n'));
    return path;
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'waybill-evidence-'));
  });
  after(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  it('of a log are the events that were acknowledged without being delivered', async () => {
    const log = await file(
      settled('duplicate', 's:1'),
      settled('late', 's:2'),
      settled('ignored', 's:3'),
      settled('parked', 's:4'),
      settled('released', 's:5'),
      settled('duplicate', null),
      JSON.stringify({ msg: 'ready', outcome: 'duplicate', eventId: 's:6' }),
      '',
    );
    assert.deepEqual(idsIn(log), ['s:1', 's:2', 's:3']);
  });

  it('of a log says when each was, the first time, and whether it was late', async () => {
    const first = '2027-03-09T11:00:00.000Z';
    const log = await file(settled('duplicate', 's:1'), settled('late', 's:1', first));
    const known = { isLate: true, at: Date.parse(first) };
    assert.deepEqual([...readAcknowledged([log])], [['s:1', known]]);
  });

  it('of a log survive warnings, and a line that a kill cut short anywhere', async () => {
    const line = settled('duplicate', 's:1');
    for (let end = 1; end < line.length; end += 1) {
      const torn = line.slice(0, end);
      const log = await file('(node:1) Warning: {', torn, settled('late', 's:2'), torn);
      assert.deepEqual(idsIn(log), ['s:2'], torn);
    }
  });

  it('of a log is also what the next start wrote on the torn line', async () => {
    const line = settled('duplicate', 's:1');
    for (let end = 1; end < line.length; end += 1) {
      const log = await file(
        `${line.slice(0, end)}${settled('late', 's:2')}`,
        settled('late', 's:3'),
      );
      assert.deepEqual(idsIn(log), ['s:2', 's:3'], line.slice(0, end));
    }
  });

  it('of a manifest survives a torn line: what was not wholly noted was not sent', async () => {
    const note = (id: string) => JSON.stringify({ id, type: 'OrderPlaced', orderKey: null });
    const whole = note('s:2');
    for (let end = 1; end < whole.length; end += 1) {
      const manifest = await file(
        note('s:1'),
        `${whole.slice(0, end)}${note('s:3')}`,
        whole.slice(0, end),
      );
      assert.deepEqual(
        readSent(manifest).map(({ id }) => id),
        ['s:1', 's:3'],
        whole.slice(0, end),
      );
    }
  });

  it('of notifications survives a torn line', async () => {
    const whole = JSON.stringify({ notificationId: 'n1', workflowId: 'order:a:1', version: 1 });
    const kept = await file(whole, whole.slice(0, 30));
    assert.deepEqual(
      readNotifications(kept).map(({ notificationId }) => notificationId),
      ['n1'],
    );
  });

  it('is never taken from a file that is not there', () => {
    for (const read of [readSent, readNotifications, (path: string) => readAcknowledged([path])]) {
      assert.throws(() => read(join(folder, 'nothing')), /ENOENT/);
    }
  });
});
