import assert from 'node:assert/strict';
import { Template } from 'aws-cdk-lib/assertions';
import { synthesise } from '../../infra/app.ts';

/** The template of a stack that the local service is made of. */
export function templateOf(name: string): Template {
  const stack = synthesise().find((one) => one.name === name);
  assert.ok(stack, `the stack ${name}`);
  return Template.fromJSON(stack.template);
}
