import assert from 'node:assert/strict';
import { Match, type Template } from 'aws-cdk-lib/assertions';
import { exampleTemplates } from '../support/templates.ts';

describe('the edge', function () {
  this.timeout(120_000);

  let template: Template;

  before(() => {
    const found = exampleTemplates().get('waybill-edge');
    assert.ok(found);
    template = found;
  });

  it('passes on the orders API and what others send to it, and neither health nor documentation', () => {
    const routes = Object.values(template.findResources('AWS::ApiGatewayV2::Route'));
    const keys = routes.map((route) => String(route['Properties'].RouteKey));
    assert.deepEqual(keys.sort(), [
      'ANY /ingress/{proxy+}',
      'ANY /orders',
      'ANY /orders/{proxy+}',
      'ANY /returns/{proxy+}',
    ]);
  });

  it('reaches the load balancer through the network, and nothing else there', () => {
    template.hasResourceProperties('AWS::ApiGatewayV2::Integration', {
      ConnectionType: 'VPC_LINK',
      IntegrationType: 'HTTP_PROXY',
      IntegrationUri: { 'Fn::ImportValue': Match.stringLikeRegexp('^waybill-compute:.*Listener') },
      TimeoutInMillis: 29_000,
    });
    template.resourceCountIs('AWS::EC2::SecurityGroup', 1);
    template.hasResourceProperties('AWS::EC2::SecurityGroup', {
      SecurityGroupEgress: Match.absent(),
      SecurityGroupIngress: Match.absent(),
    });
    template.resourceCountIs('AWS::EC2::SecurityGroupEgress', 1);
    template.hasResourceProperties('AWS::EC2::SecurityGroupEgress', {
      FromPort: 80,
      ToPort: 80,
      DestinationSecurityGroupId: Match.anyValue(),
    });
    // The load balancer has to let it in.
    template.hasResourceProperties('AWS::EC2::SecurityGroupIngress', { FromPort: 80, ToPort: 80 });
  });

  it('holds back a flood, and says who asked for what', () => {
    template.hasResourceProperties('AWS::ApiGatewayV2::Stage', {
      StageName: '$default',
      AutoDeploy: true,
      DefaultRouteSettings: { ThrottlingRateLimit: 500, ThrottlingBurstLimit: 1_000 },
      AccessLogSettings: {
        DestinationArn: Match.anyValue(),
        Format: Match.stringLikeRegexp('\\$context\\.requestId.*\\$context\\.status'),
      },
    });
    template.hasResource('AWS::Logs::LogGroup', {
      DeletionPolicy: 'Retain',
      Properties: { RetentionInDays: 90 },
    });
  });
});
