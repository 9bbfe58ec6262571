import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseSettings, readSettings } from '../../infra/settings.ts';
import { readEnvironment } from '../../src/platform/config.ts';
import { UserError } from '../../src/platform/errors.ts';
import { EXAMPLE } from '../support/templates.ts';

const PROJECT = join(import.meta.dirname, '../..');

describe('the settings of an AWS account', () => {
  const example = readSettings(EXAMPLE);

  it('are as the example has them, and frozen', () => {
    assert.equal(example.account, '123456789012');
    assert.ok(Object.isFrozen(example));
    const { consumerAccounts: _, ...least } = example;
    assert.deepEqual(parseSettings(least, 'a test').consumerAccounts, []);
  });

  for (const [what, change, complaint] of [
    [
      'a number for an account',
      { account: 123456789012 },
      /account: expected an AWS account ID, a text of 12 digits, received 123456789012/,
    ],
    ['no region', { region: undefined }, /region: expected an AWS region .*, received nothing/],
    [
      'the ARN of something else',
      { securityBusArn: 'arn:aws:sqs:eu-central-1:210987654321:security' },
      /securityBusArn: expected the ARN of an EventBridge bus, received "arn:aws:sqs:/,
    ],
    [
      'a wrong entry of a list',
      { consumerAccounts: ['345678901234', 'x'] },
      /consumerAccounts\.1: expected an AWS account ID, .*, received "x"/,
    ],
    [
      'a variable whose text is wrong',
      { variables: { WAYBILL_EARLY_LIMIT_SECONDS: 'soon' } },
      /variables: expected WAYBILL_\* variables that .*, received \{"WAYBILL_EARLY_LIMIT/,
    ],
    [
      'a secret among the variables',
      { variables: { WAYBILL_STRIPE_API_KEY: 'sk' } },
      /variables: expected WAYBILL_\* variables that .* secret/,
    ],
    ['a field that nobody knows', { acount: 'x' }, /acount: expected no such field/],
  ] as const) {
    it(`are refused with ${what}`, () => {
      assert.throws(
        () => parseSettings({ ...example, ...change }, 'a test'),
        (error) => error instanceof UserError && complaint.test(error.message),
      );
    });
  }

  it('names every field that is wrong, and where', () => {
    const wrong = { ...example, account: '1', region: 'Frankfurt' };
    assert.throws(
      () => parseSettings(wrong, 'mine.json'),
      /^UserError: mine\.json: account: .*; region: /,
    );
    assert.throws(
      () => parseSettings(null, 'mine.json'),
      /the whole: expected object, received null/,
    );
  });

  describe('for CDK', function () {
    this.timeout(120_000);

    let folder: string;

    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'waybill-settings-'));
    });

    after(() => rm(folder, { recursive: true, force: true }));

    /** Runs CDK's app as CDK does, with this context. */
    async function synthesise(context: object): Promise<{ code: unknown; said: string }> {
      return new Promise((resolve) => {
        const env = {
          ...readEnvironment(),
          CDK_CONTEXT_JSON: JSON.stringify(context),
          CDK_OUTDIR: join(folder, 'out'),
        };
        execFile(
          process.execPath,
          [join(PROJECT, 'infra/main.ts')],
          { cwd: folder, env },
          (error, _, said) => resolve({ code: error?.code ?? 0, said }),
        );
      });
    }

    it('come from the file that its context names, or from the context itself', async () => {
      assert.deepEqual(await synthesise({ settings: EXAMPLE }), { code: 0, said: '' });
      assert.deepEqual(await synthesise({ settings: example }), { code: 0, said: '' });
    });

    it('are asked for where there are none, without a stack trace', async () => {
      const { code, said } = await synthesise({});
      assert.equal(code, 2);
      assert.match(
        said,
        /^waybill\.aws\.json: expected the settings of an AWS account, received nothing/,
      );
      assert.match(said, /copy infra\/waybill\.aws\.example\.json/);
      assert.doesNotMatch(said, /\n +at /);
    });

    it('are refused where they are not JSON', async () => {
      await writeFile(join(folder, 'broken.json'), '{');
      const { code, said } = await synthesise({ settings: join(folder, 'broken.json') });
      assert.equal(code, 2);
      assert.match(said, /broken\.json: expected JSON, received something else/);
    });
  });
});
