import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const PROJECT = join(import.meta.dirname, '..');
const MAP = read('test/faults/README.md');
/** A row of a table, from its number. */
const ROW = /^\| (\d+) +\| (.+?) +\| (.+?) +\|$/gm;
const TITLE = /\b(?:it|describe)\(\s*(['"`])((?:\\.|(?!\1).)*)\1/gs;

function read(file: string): string {
  return readFileSync(join(PROJECT, file), 'utf8');
}

function rowsUnder(heading: string) {
  const section = MAP.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return [...section.matchAll(ROW)].map(([, number, second = '', third = '']) => ({
    number: Number(number),
    second,
    third,
  }));
}

/** The titles of a file's tests, and of what they are grouped by; what is put into them is left as it is written. */
function titlesIn(file: string): readonly string[] {
  return [...read(file).matchAll(TITLE)].map(([, , title = '']) => title.replaceAll('\\', ''));
}

describe('the map of the faults', () => {
  const faults = rowsUnder('The faults');
  const shown = rowsUnder('Where each is shown').map(({ number, second, third: title }) => ({
    number,
    file: second.replaceAll('`', ''),
    title,
  }));
  const numbers = Array.from({ length: 34 }, (_, index) => index + 1);

  it('has all 34 of them, and for each at least one test', () => {
    assert.deepEqual(
      faults.map(({ number }) => number),
      numbers,
    );
    assert.deepEqual([...new Set(shown.map(({ number }) => number))], numbers);
  });

  it('names tests that are there', () => {
    const isThere = ({ file, title }: (typeof shown)[number]) =>
      titlesIn(file).some((each) => each.includes(title));
    assert.deepEqual(
      shown.filter((row) => !isThere(row)),
      [],
    );
  });

  it('has every file whose tests say that they show a fault', () => {
    const known = new Set(shown.map(({ number, file }) => `${number} ${file}`));
    const said = globSync('test/**/*.test.ts', { cwd: PROJECT }).flatMap((file) =>
      titlesIn(file).flatMap((title) => {
        const [, list = ''] = /\(FAULTS (\d+(?:, \d+)*)\)/.exec(title) ?? [];
        return list === '' ? [] : list.split(', ').map((number) => `${number} ${file}`);
      }),
    );
    assert.ok(said.length >= 50, `only ${said.length} are said`);
    assert.deepEqual(
      said.filter((each) => !known.has(each)),
      [],
    );
  });

  it('is the only one: a title names a fault as the map does', () => {
    const others = globSync('test/**/*.test.ts', { cwd: PROJECT }).flatMap((file) =>
      titlesIn(file).filter((title) =>
        /FAULTS/.test(title.replaceAll(/\(FAULTS \d+(, \d+)*\)/g, '')),
      ),
    );
    assert.deepEqual(others, []);
  });
});
