import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { transformSync } from 'esbuild';
import { type Defect, plant } from './defect.ts';
import { DEFECTS } from './defects.ts';

const PROJECT = join(import.meta.dirname, '../..');

function read(file: string): string {
  return readFileSync(join(PROJECT, file), 'utf8');
}

describe('the known defects', () => {
  it('are each told by an ID and by what is wrong', () => {
    const ids = DEFECTS.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    assert.equal(new Set(DEFECTS.map(({ what }) => what)).size, ids.length);
    for (const id of ids) assert.match(id, /^[a-z0-9]+(-[a-z0-9]+)*$/);
  });

  for (const defect of DEFECTS) {
    it(`can be planted still, and be read then: ${defect.id}`, () => {
      const source = read(defect.file);
      const planted = plant(defect, source);
      assert.notEqual(planted, source);
      transformSync(planted, { loader: 'ts' });
    });
  }

  it('name tests that are there', () => {
    const isThere = ({ caughtBy: { file, title } }: Defect) =>
      title !== '' && read(file).includes(title);
    assert.deepEqual(
      DEFECTS.filter((defect) => !isThere(defect)).map(({ id, caughtBy }) => [id, caughtBy]),
      [],
    );
  });

  it('are not planted where their text is missing, or is there twice', () => {
    const [defect] = DEFECTS as readonly [Defect];
    assert.throws(() => plant(defect, ''), /expected its text once in .*, found it 0 times/);
    const twice = defect.find + defect.find;
    assert.throws(() => plant(defect, twice), /expected its text once in .*, found it 2 times/);
  });
});
