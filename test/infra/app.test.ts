import assert from 'node:assert/strict';
import { Template } from 'aws-cdk-lib/assertions';
import { OUTPUTS, synthesise } from '../../infra/app.ts';

describe('the local stacks', () => {
  it('name their outputs as the local service reads them, and want no bootstrapped account', () => {
    const templates = synthesise().map(({ template }) => Template.fromJSON(template));
    const names = templates.flatMap((template) => Object.keys(template.findOutputs('*')));
    assert.deepEqual(names.sort(), [...OUTPUTS].sort());
    for (const template of templates) assert.deepEqual(template.findParameters('*'), {});
  });
});
