import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installFromPypi } from '../../dev/pypi.ts';
import { readSettings } from '../../infra/settings.ts';
import { readEnvironment } from '../../src/platform/config.ts';
import { EXAMPLE, exampleTemplates } from '../support/templates.ts';

const PROJECT = join(import.meta.dirname, '../..');

interface Finding {
  readonly Rule: { readonly Id: string };
  readonly Message: string;
  readonly Filename: string;
  readonly Location: { readonly Path: readonly (string | number)[] | null };
}

describe('cfn-lint', function () {
  this.timeout(300_000);

  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'waybill-templates-'));
  });

  after(() => rm(folder, { recursive: true, force: true }));

  /** Errors and warnings over these templates, in the region of the example's settings. */
  async function lint(templates: Iterable<readonly [string, object]>): Promise<string[]> {
    const files = await Promise.all(
      [...templates].map(async ([name, template]) => {
        const file = join(folder, `${name}.template.json`);
        await writeFile(file, JSON.stringify(template));
        return file;
      }),
    );
    assert.ok(files.length > 0);
    const env = readEnvironment();
    const { folder: packages, python } = await installFromPypi({
      requirements: join(import.meta.dirname, 'requirements.txt'),
      names: 'cfn-lint',
      otherWays: 'or leave this test out',
      env,
      installDir: join(PROJECT, '.waybill/tools'),
      onProgress: (message) => console.error(message),
    });
    const args = [
      '-c',
      'from cfnlint.runner import main; main()',
      '--format=json',
      '--regions',
      readSettings(EXAMPLE).region,
      '--',
      ...files,
    ];
    const { code, stdout, stderr } = await new Promise<{
      code: unknown;
      stdout: string;
      stderr: string;
    }>((resolve) => {
      const inFolder = {
        cwd: folder,
        env: {
          ...env,
          PYTHONPATH: packages,
          PYTHONDONTWRITEBYTECODE: '1',
        },
      };
      execFile(python, args, inFolder, (error, out, err) => {
        resolve({ code: error?.code ?? 0, stdout: out, stderr: err });
      });
    });
    // 0: nothing; 2 to 14: errors, warnings, both; anything else is its own failure.
    assert.ok(
      typeof code === 'number' && code !== 1 && stdout.startsWith('['),
      `${String(code)} ${stderr}`,
    );
    const findings = JSON.parse(stdout) as Finding[];
    assert.equal(code === 0, findings.length === 0);
    return findings.map(
      ({ Rule, Filename, Location, Message }) =>
        `${Rule.Id} ${Filename.slice(folder.length + 1)} ${Location.Path?.join('/') ?? ''}: ${Message}`,
    );
  }

  it('finds nothing in any template', async () => {
    const templates = [...exampleTemplates()].map(
      ([name, template]) => [name, template.toJSON()] as const,
    );
    assert.deepEqual(await lint(templates), []);
  });

  it('would find a property that CloudFormation does not know, and a value that it does not take', async () => {
    const Resources = {
      Queue: { Type: 'AWS::SQS::Queue', Properties: { Retention: 1 } },
      Topic: { Type: 'AWS::SNS::Topic', Properties: { FifoTopic: 'perhaps' } },
    };
    const findings = await lint([['careless', { Resources }]]);
    assert.match(findings.join('\n'), /E3002 .*Retention/);
    assert.match(findings.join('\n'), /E3012 .*FifoTopic/);
  });
});
