import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { licenceProblems, readPackages } from '../../deploy/licences.ts';
import { STEPS } from '../../deploy/release.ts';
import { PROJECT } from '../cli/waybill.ts';
import { execForm, only, readDockerfile } from './dockerfile.ts';

describe('the image', () => {
  const [build = [], image = [], ...others] = readDockerfile();

  it('is made by the steps of a release, and by nothing else', () => {
    assert.deepEqual(others, []);
    const steps = build
      .filter(({ name }) => name !== 'FROM' && name !== 'WORKDIR')
      .map(({ name, text }) => {
        if (name === 'COPY') return { copy: text.split(' ').slice(0, -1) };
        assert.equal(name, 'RUN');
        const [node, run, ...more] = execForm(text);
        assert.deepEqual([node, more], ['node', []]);
        return { run };
      });
    assert.deepEqual(steps, STEPS);
    for (const step of STEPS) {
      for (const part of 'run' in step ? [step.run] : step.copy) {
        assert.ok(existsSync(join(PROJECT, part)), part);
      }
    }
    assert.deepEqual(
      image.filter(({ name }) => name === 'RUN' || name === 'COPY').map(({ text }) => text),
      [
        '--from=build /app /app',
        '--from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt',
      ],
    );
  });

  it('lets in what is copied, and nothing else', () => {
    const ignored = readFileSync(join(PROJECT, '.dockerignore'), 'utf8')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    const copied = STEPS.flatMap((step) => ('copy' in step ? step.copy : []));
    assert.deepEqual(ignored.toSorted(), ['*', ...copied.map((part) => `!${part}`)].toSorted());
  });

  it('is Node 24 on glibc, of one version in both stages', () => {
    const [built, runs] = [only(build, 'FROM'), only(image, 'FROM')].map(
      (text) => text.split(' ')[0],
    );
    assert.match(built ?? '', /^node:24\.\d+\.\d+-[a-z]+$/);
    assert.equal(runs, `${built}-slim`);
  });

  it('runs as nobody in particular, and takes signals itself', () => {
    assert.match(only(image, 'USER'), /^[1-9]\d*:[1-9]\d*$/);
    const [node, ...rest] = execForm(only(image, 'ENTRYPOINT'));
    assert.equal(node, 'node');
    assert.ok(rest.some((each) => /^--max-old-space-size-percentage=\d\d$/.test(each)));
    assert.equal(rest.at(-1), 'src/cli/main.ts');
    execForm(only(image, 'CMD'));
    const [, health = ''] = /CMD (.*)$/.exec(only(image, 'HEALTHCHECK')) ?? [];
    assert.deepEqual(execForm(health), ['node', 'deploy/health.ts']);
  });

  it('holds packages under licences that were allowed', () => {
    const packages = readPackages(PROJECT);
    assert.ok(packages.some(({ name }) => name === '@temporalio/worker'));
    assert.ok(!packages.some(({ name }) => name === 'mocha' || name === 'aws-cdk-lib'));
    assert.deepEqual(licenceProblems(packages), []);
  });

  for (const [licence, isAllowed] of [
    ['MIT', true],
    ['(MIT OR GPL-3.0)', true],
    ['Apache-2.0 AND MIT', true],
    ['Apache-2.0 AND GPL-3.0', false],
    ['AGPL-3.0-only', false],
    ['none', false],
    ['(MIT AND (GPL-3.0 OR MIT))', false],
  ] as const) {
    it(`${isAllowed ? 'takes' : 'refuses'} licence ${licence}`, () => {
      const problems = licenceProblems([{ name: 'some', version: '1.0.0', licence }]);
      assert.equal(problems.length, isAllowed ? 0 : 1, problems.join());
    });
  }
});
