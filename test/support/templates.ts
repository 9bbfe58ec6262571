import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { createApp, synthesise } from '../../infra/app.ts';
import { parseSettings, readSettings, type Settings } from '../../infra/settings.ts';

export const EXAMPLE = join(import.meta.dirname, '../../infra/waybill.aws.example.json');

/** Where the processes run. */
export type Platform = Settings['compute']['on'];

const ON_EC2 = {
  on: 'ec2',
  release: { bucket: 'releases', key: 'waybill/1.tgz', sha256: '0'.repeat(64) },
};

/** The settings of the example, whose processes run on ECS, or the same on EC2. */
export function exampleSettings(on: Platform = 'fargate'): Settings {
  const example = readSettings(EXAMPLE);
  return on === 'ec2' ? parseSettings({ ...example, compute: ON_EC2 }, EXAMPLE) : example;
}

/** Everything, for the account of the example's settings. */
export function exampleApp(on: Platform = 'fargate'): App {
  return createApp(exampleSettings(on));
}

/** The template of a stack as the local service deploys it. */
export function localTemplate(name: string): Template {
  const stack = synthesise().find((one) => one.name === name);
  assert.ok(stack, `the stack ${name}`);
  return Template.fromJSON(stack.template);
}

/** A resource of a template. */
export interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
  readonly DeletionPolicy?: string;
}

interface Synthesised {
  readonly app: App;
  readonly templates: ReadonlyMap<string, Template>;
}

const synthesised = new Map<Platform, Synthesised>();

/** `exampleApp`, synthesised: made once for each platform, and for looking only. */
export function exampleOn(on: Platform): Synthesised {
  const found = synthesised.get(on) ?? synthesiseExample(on);
  synthesised.set(on, found);
  return found;
}

function synthesiseExample(on: Platform): Synthesised {
  const app = exampleApp(on);
  const templates = app
    .synth()
    .stacks.map(
      ({ stackName, template }) => [stackName, Template.fromJSON(template as object)] as const,
    );
  return { app, templates: new Map(templates) };
}

/** The templates of `exampleApp`, by stack; that of the processes on EC2 beside it. */
export function exampleTemplates(): ReadonlyMap<string, Template> {
  return new Map([
    ...exampleOn('fargate').templates,
    [`${COMPUTE}-on-ec2`, exampleTemplate(COMPUTE, 'ec2')],
  ]);
}

const COMPUTE = 'waybill-compute';

/** One stack's template. */
export function exampleTemplate(name: string, on: Platform = 'fargate'): Template {
  const template = exampleOn(on).templates.get(name);
  assert.ok(template, `the stack ${name}`);
  return template;
}
