import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { ListQueuesCommand } from '@aws-sdk/client-sqs';
import { createSqs } from '../../src/platform/sqs.ts';
import { explainAwsError, UserError } from '../../src/platform/errors.ts';
import { connectWorker } from '../../src/platform/worker.ts';
import { withEnvironment } from '../support/environment.ts';

/** A port on which nobody listens. */
const NOBODY = '127.0.0.1:1';

describe('what is not there', () => {
  it('Temporal: one line says what was tried and what to set', async () => {
    await withEnvironment({ TEMPORAL_ADDRESS: NOBODY }, async () => {
      await assert.rejects(connectWorker(), (error) => {
        assert.ok(error instanceof UserError);
        assert.equal(error.message, `Temporal cannot be reached at ${NOBODY}: Connection refused`);
        assert.match(error.hint, /TEMPORAL_ADDRESS/);
        return true;
      });
    });
  });

  const aws = {
    AWS_ENDPOINT_URL: `http://${NOBODY}`,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: '000000000000',
    AWS_SECRET_ACCESS_KEY: 'x',
    AWS_MAX_ATTEMPTS: '1',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  };
  for (const [what, variables, message, hint] of [
    ['nobody at the endpoint', {}, /ECONNREFUSED 127.0.0.1:1/, /AWS_ENDPOINT_URL/],
    ['no region', { AWS_REGION: undefined, AWS_DEFAULT_REGION: undefined }, /region/, /AWS_REGION/],
    [
      'no credentials',
      { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined, AWS_PROFILE: undefined },
      /credentials/,
      /AWS_ACCESS_KEY_ID/,
    ],
  ] as const) {
    it(`AWS, ${what}: one line says what was tried and what to set`, async () => {
      await withEnvironment({ ...aws, ...variables }, async () => {
        const error: unknown = await createSqs()
          .send(new ListQueuesCommand())
          .then(
            () => assert.fail('somebody answered'),
            (reason: unknown) => reason,
          );
        const explained = explainAwsError(error);
        assert.match(explained?.message ?? '', message);
        assert.doesNotMatch(explained?.message ?? '', /\n/);
        assert.match(explained?.hint ?? '', hint);
      });
    });
  }

  it('other errors are left alone', () => {
    assert.equal(explainAwsError(new TypeError('a defect')), undefined);
  });
});

describe('what the bridge and the API load', () => {
  it('is not the native core of the worker', () => {
    const program = `
      import { createRequire } from 'node:module';
      for (const file of ['aws', 'config', 'errors', 'logger', 'temporal'])
        await import(new URL(file + '.ts', '${new URL('../../src/platform/', import.meta.url).href}'));
      console.log(Object.keys(createRequire('/').cache).join('\\n'));
    `;
    const loaded = execFileSync(process.execPath, ['--input-type=module', '--eval', program], {
      encoding: 'utf8',
    });
    assert.match(loaded, /@temporalio\/client/);
    assert.doesNotMatch(loaded, /@temporalio\/(worker|core-bridge)/);
  });
});
