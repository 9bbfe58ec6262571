import assert from 'node:assert/strict';
import fc from 'fast-check';
import { contentHash } from '../../src/bridges/contentHash.ts';

describe('contentHash', () => {
  it('is the same in whatever order the keys came, at every level', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        assert.equal(contentHash(reversed(value)), contentHash(value));
      }),
    );
  });

  it('differs where what is said differs', () => {
    const contents = [
      { a: 1, b: 2 },
      { a: 2, b: 1 },
      { a: 1 },
      { a: '1', b: 2 },
      { a: 1, b: [2, 3] },
      { a: 1, b: [3, 2] },
      { a: 1, b: null },
      [],
      {},
      null,
    ];
    assert.equal(new Set(contents.map(contentHash)).size, contents.length);
  });

  it('takes an event without data', () => {
    assert.equal(contentHash(undefined), contentHash(null));
  });
});

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, each]) => [key, reversed(each)] as const)
      .toReversed(),
  );
}
