import assert from 'node:assert/strict';
import fc from 'fast-check';
import { EventRejectedError } from '../../src/bridges/codes.ts';
import { inspect, parseJson, placeOf } from '../../src/bridges/json.ts';

function reasonOf(text: string, at?: string): string {
  try {
    parseJson(text, at);
  } catch (error) {
    assert.ok(error instanceof EventRejectedError, String(error));
    assert.equal(error.code, 'malformed');
    return error.message;
  }
  return assert.fail(`accepted: ${text.slice(0, 80)}`);
}

describe('parseJson (FAULTS 30)', () => {
  it('takes unchanged whatever JSON has no number, key or depth that JavaScript misreads', () => {
    fc.assert(
      fc.property(
        // The number of levels in fast-check is one less than that of brackets.
        fc.jsonValue({ maxDepth: 10 }).map(withoutLargeNumbers),
        fc.constantFrom(undefined, 2, '\t'),
        (value, indent) => {
          const text = JSON.stringify(value, null, indent);
          fc.pre(!text.includes('"__proto__":'));
          assert.deepEqual(parseJson(text), JSON.parse(text));
        },
      ),
    );
  });

  it('takes and refuses the same text as JSON.parse', () => {
    const piece = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '\\',
      'a',
      '1',
      '-',
      '.',
      'e',
      'null',
      ' ',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join('');
        const valid = isValid(text);
        fc.pre(!/\d{16}|e/.test(text));
        if (valid) assert.deepEqual(parseJson(text), JSON.parse(text));
        else assert.match(reasonOf(text), /^body: expected JSON/);
      }),
      { numRuns: 1_000 },
    );
  });

  it('finds a misread number wherever it stands', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string(), fc.nat({ max: 3 })), { minLength: 1, maxLength: 20 }),
        fc.constantFrom(
          '12345678901234567890',
          '1e400',
          '-1e400',
          '9007199254740992',
          '-9007199254740993.5',
        ),
        (path, number) => {
          fc.pre(!path.includes('__proto__'));
          const text = path.reduceRight<string>(
            (inner, step) =>
              typeof step === 'number'
                ? `[${'0,'.repeat(step)}${inner}]`
                : `{"k\\"e{y":["\\\\"],${JSON.stringify(step)}:${inner}}`,
            number,
          );
          assert.match(reasonOf(text), /expected a number of at most 2\^53 - 1, received -?\d/);
        },
      ),
    );
  });

  it('says where', () => {
    assert.equal(
      reasonOf('{"a":[{},{"b":[0,1e400]}]}'),
      'a[1].b[1]: expected a number of at most 2^53 - 1, received 1e400',
    );
    assert.equal(
      reasonOf('{"a":12345678901234567890}', 'Message'),
      'Message.a: expected a number of at most 2^53 - 1, received 12345678901234567890',
    );
    assert.match(reasonOf('1e400'), /^body: expected a number/);
    assert.match(reasonOf('[1e400]', 'Message'), /^Message\[0\]: expected a number/);
    assert.match(reasonOf('nonsense', 'Message'), /^Message: expected JSON: /);
  });

  it('takes the largest numbers that are read rightly', () => {
    assert.deepEqual(
      parseJson('[9007199254740991,-9007199254740991,1E3,-0.5e-3]'),
      [9_007_199_254_740_991, -9_007_199_254_740_991, 1_000, -0.0005],
    );
  });

  it('takes numbers and braces in strings for what they are', () => {
    const value = { 'a"1e400': '12345678901234567890', b: '{"__proto__":1}', c: '[[[[\\"' };
    assert.deepEqual(parseJson(JSON.stringify(value)), value);
    assert.deepEqual(parseJson('["__proto__"]'), ['__proto__']);
  });

  it('refuses __proto__ as a key, however it is written', () => {
    assert.equal(reasonOf('{"__proto__":{}}'), '__proto__: a key that is not allowed');
    assert.match(reasonOf('{"a":{"b":[]}, "__proto__":1}'), /^__proto__: a key/);
    assert.equal(
      reasonOf('{"a":[{"\\u005f_proto__":1}]}'),
      'a[0].__proto__: a key that is not allowed',
    );
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
  });

  it('refuses what is nested too deeply to be written again', () => {
    assert.deepEqual(parseJson(nested(64)), JSON.parse(nested(64)));
    assert.match(reasonOf(nested(65)), /nested deeper than 64$/);
    assert.match(reasonOf('{"a":'.repeat(65) + '1' + '}'.repeat(65)), /nested deeper than 64$/);
    assert.match(reasonOf(nested(5_000_000)), /nested deeper than 64$/);
  });

  it('keeps a reason short, whatever came', () => {
    const key = 'k'.repeat(100_000);
    assert.ok(reasonOf(`{"${key}":{"${key}":{"${key}":1e400}}}`).length < 400);
    assert.ok(reasonOf(`[${'9'.repeat(100_000)}]`).length < 400);
    assert.ok(reasonOf(`{"a":${'x'.repeat(100_000)}`).length < 400);
  });
});

describe('inspect', () => {
  function offencesOf(text: string, most = Infinity): string[] {
    const offences: string[] = [];
    inspect(text, (path, complaint) => {
      offences.push(`${placeOf('', path)}: ${complaint.slice(0, 17)}`);
      return offences.length < most;
    });
    return offences;
  }

  it('goes on for as long as it is asked to', () => {
    const text = `[1e400,{"__proto__":1e400},{"a":${nested(70)}},0,[-1e400]]`;
    const all = [
      '[0]: expected a number',
      '[1].__proto__: a key that is not',
      '[1].__proto__: expected a number',
      `[2].a${'[0]'.repeat(62)}: nested deeper tha`,
      '[4][0]: expected a number',
    ];
    assert.deepEqual(offencesOf(text), all);
    assert.deepEqual(offencesOf(text, 2), all.slice(0, 2));
    assert.deepEqual(offencesOf(text, 1), all.slice(0, 1));
  });

  it('finds nothing in what is read rightly', () => {
    assert.deepEqual(offencesOf('{"a":[1,"1e400",{"b":null}],"c":""}'), []);
  });
});

function nested(depth: number): string {
  return '['.repeat(depth) + ']'.repeat(depth);
}

function isValid(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** JSON.stringify writes them with an exponent or with digits that were lost already. */
function withoutLargeNumbers(value: unknown): unknown {
  const text = JSON.stringify(value, (_key, each: unknown) =>
    typeof each === 'number' && Math.abs(each) > Number.MAX_SAFE_INTEGER ? 0 : each,
  );
  return JSON.parse(text);
}
