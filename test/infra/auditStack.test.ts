import assert from 'node:assert/strict';
import { Match, type Template } from 'aws-cdk-lib/assertions';
import { readSettings } from '../../infra/settings.ts';
import { EXAMPLE, exampleTemplates } from '../support/templates.ts';

describe('the audit rule', function () {
  this.timeout(120_000);

  const { account, securityBusArn } = readSettings(EXAMPLE);
  let template: Template;

  before(() => {
    const found = exampleTemplates().get('waybill-audit');
    assert.ok(found);
    template = found;
  });

  it('puts every event on the bus of the security account', () => {
    template.hasResourceProperties('AWS::Events::Rule', {
      State: 'ENABLED',
      EventBusName: Match.anyValue(),
      EventPattern: { source: [{ prefix: '' }] },
      Targets: [{ Arn: securityBusArn, RoleArn: Match.anyValue() }],
    });
  });

  it('has a role that may put events there, and nothing else, and that no other rule may use', () => {
    template.resourceCountIs('AWS::IAM::Role', 1);
    template.hasResourceProperties('AWS::IAM::Role', {
      AssumeRolePolicyDocument: {
        Statement: [
          {
            Action: 'sts:AssumeRole',
            Effect: 'Allow',
            Principal: { Service: 'events.amazonaws.com' },
            Condition: {
              StringEquals: { 'aws:SourceAccount': account },
              ArnEquals: { 'aws:SourceArn': Match.objectLike({}) },
            },
          },
        ],
      },
      ManagedPolicyArns: Match.absent(),
    });
    template.resourceCountIs('AWS::IAM::Policy', 1);
    template.hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: {
        Statement: [{ Action: 'events:PutEvents', Effect: 'Allow', Resource: securityBusArn }],
      },
    });
  });
});
