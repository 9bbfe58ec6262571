import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { PROBLEMS, type ProblemCode } from '../../src/api/problems.ts';

const PROJECT = path.resolve(import.meta.dirname, '../..');
const DOCS = readFileSync(path.join(PROJECT, 'docs/problems.md'), 'utf8');
const API = path.join(PROJECT, 'src/api');
/** Where problems are declared and described; all else raises them. */
const DECLARED = ['problems.ts', 'operations.ts'];

const CODES = Object.keys(PROBLEMS) as ProblemCode[];

interface Section {
  readonly code: string;
  readonly status: number;
  readonly text: string;
}

function sections(): readonly Section[] {
  return DOCS.split(/^### /m)
    .slice(1)
    .map((section) => {
      const [, code = '', status, text = ''] =
        /^`([^`]+)` \((\d{3})\)\n\n(.*)$/s.exec(section) ?? [];
      return { code, status: Number(status), text };
    });
}

/** The code of the API by file, without comments. */
function sources(): ReadonlyMap<string, string> {
  const files = readdirSync(API).filter((name) => !DECLARED.includes(name));
  return new Map(
    files.map((name) => [
      name,
      readFileSync(path.join(API, name), 'utf8').replaceAll(/\/\*.*?\*\/|\/\/[^\n]*/gs, ''),
    ]),
  );
}

describe('the problems', () => {
  it('are documented, each once and in order of the registry, and no others are', () => {
    assert.deepEqual(
      sections().map(({ code, status }) => ({ code, status })),
      CODES.map((code) => ({ code, status: PROBLEMS[code].status })),
    );
  });

  it('are documented with their titles, with when they come and what to do', () => {
    for (const { code, text } of sections()) {
      const { title } = PROBLEMS[code as ProblemCode];
      const [said, when = '', act = ''] = text.trim().split('\n\n');
      assert.equal(said, `${title}.`, code);
      assert.match(when, /^\*\*When:\*\* .{20}/, code);
      assert.match(act, /^\*\*Do:\*\* .{10}/, code);
    }
  });

  it('are all raised somewhere', () => {
    const all = [...sources().values()].join('\n');
    const idle = CODES.filter((code) => !all.includes(`'${code}'`));
    assert.deepEqual(idle, []);
  });

  it('are the only answers that are not successes', () => {
    for (const [file, text] of sources()) {
      const others = text.match(/\.(status|code)\([45]\d\d\)|statusCode = [45]|createError\(/g);
      assert.equal(others, null, file);
    }
  });
});
