import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { SecurityGroup, Vpc } from 'aws-cdk-lib/aws-ec2';
import { ApplicationListener } from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import { createApp, synthesise } from '../../infra/app.ts';
import { EdgeStack } from '../../infra/edgeStack.ts';
import { readSettings } from '../../infra/settings.ts';

export const EXAMPLE = join(import.meta.dirname, '../../infra/waybill.aws.example.json');

/** Everything, for the account of the example's settings. */
export function exampleApp(): App {
  const settings = readSettings(EXAMPLE);
  const app = createApp(settings);
  addEdge(app, { account: settings.account, region: settings.region });
  return app;
}

/** In front of a load balancer that is somewhere else: it adds nothing of its own to any template. */
function addEdge(app: App, env: { readonly account: string; readonly region: string }): void {
  const elsewhere = app.node.findChild('waybill-messaging');
  const vpc = Vpc.fromVpcAttributes(elsewhere, 'Vpc', {
    vpcId: 'vpc-0123456789abcdef0',
    availabilityZones: [`${env.region}a`, `${env.region}b`],
    privateSubnetIds: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'],
  });
  const listener = ApplicationListener.fromApplicationListenerAttributes(elsewhere, 'Listener', {
    listenerArn: `arn:aws:elasticloadbalancing:${env.region}:${env.account}:listener/app/api/0123456789abcdef/0123456789abcdef`,
    securityGroup: SecurityGroup.fromSecurityGroupId(elsewhere, 'Group', 'sg-0123456789abcdef0'),
  });
  new EdgeStack(app, 'waybill-edge', { env, vpc, listener });
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

let synthesised: ReadonlyMap<string, Template> | undefined;

/** The templates of `exampleApp`, by stack. */
export function exampleTemplates(): ReadonlyMap<string, Template> {
  synthesised ??= new Map(
    exampleApp()
      .synth()
      .stacks.map(({ stackName, template }) => [stackName, Template.fromJSON(template as object)]),
  );
  return synthesised;
}
