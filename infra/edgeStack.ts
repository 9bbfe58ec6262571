import { Duration, RemovalPolicy, Stack, type StackProps, Validations } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import {
  HttpApi,
  type IVpcLink,
  LogGroupLogDestination,
  VpcLink,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpAlbIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { type IVpc, Port, SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import type { IApplicationListener } from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { output } from './output.ts';

export interface EdgeStackProps extends StackProps {
  /** Where the load balancer is. */
  readonly vpc: IVpc;
  /** The load balancer's, which passes on to the orders API. */
  readonly listener: IApplicationListener;
  /** Where the listener listens. Default 80: between the edge and the load balancer nobody else is. */
  readonly port?: number;
}

/**
 * What the edge lets through of all callers together, in requests a second; one caller alone is held by the API
 * (`WAYBILL_API_REQUESTS_PER_MINUTE`).
 */
const THROTTLE = { rateLimit: 500, burstLimit: 1_000 } as const;

/**
 * What is to be reached from outside: the orders API, and what others send to it. Health and documentation are for those
 * inside. An HTTP API passes no answer on before its end, and waits 29 s for that: `/orders/{id}/events`, which goes on
 * for as long as the order does, is for those inside too, and ends here as a 503. From outside `GET /orders/{id}` says
 * how an order stands.
 */
const PATHS = ['/orders', '/orders/{proxy+}', '/returns/{proxy+}', '/ingress/{proxy+}'];

/** The way in from outside: an HTTP API in front of the load balancer, which has no public address. */
export class EdgeStack extends Stack {
  readonly api: HttpApi;

  constructor(
    scope: Construct,
    id: string,
    { vpc, listener, port = 80, ...props }: EdgeStackProps,
  ) {
    super(scope, id, props);

    const vpcLink = this.link(vpc, listener, port);
    this.api = new HttpApi(this, 'Api', {
      apiName: 'waybill',
      description: 'The orders API, from outside',
      createDefaultStage: false,
    });
    const integration = new HttpAlbIntegration('Orders', listener, {
      vpcLink,
      timeout: Duration.seconds(29),
    });
    for (const path of PATHS) {
      for (const route of this.api.addRoutes({ path, integration })) {
        Validations.of(route).acknowledge({
          id: 'AwsSolutions-APIG4',
          reason:
            'The API behind asks for a token itself, by role and by whose order it is; webhooks carry signatures, no token',
        });
      }
    }
    const stage = this.api.addStage('Stage', {
      stageName: '$default',
      autoDeploy: true,
      throttle: THROTTLE,
      accessLogSettings: {
        destination: new LogGroupLogDestination(
          new LogGroup(this, 'Accesses', {
            retention: RetentionDays.THREE_MONTHS,
            removalPolicy: RemovalPolicy.RETAIN,
          }),
        ),
        format: AccessLogFormat.custom(ACCESS),
      },
    });
    output(this, 'ApiUrl', stage.url);
  }

  private link(vpc: IVpc, listener: IApplicationListener, port: number): IVpcLink {
    const group = new SecurityGroup(this, 'LinkGroup', {
      vpc,
      description: 'From the edge to the load balancer of the orders API, and nowhere else',
      allowAllOutbound: false,
    });
    for (const balancer of listener.connections.securityGroups) {
      group.connections.allowTo(balancer, Port.tcp(port), 'the load balancer');
    }
    return new VpcLink(this, 'Link', { vpc, securityGroups: [group] });
  }
}

/** Who asked for what and what came of it: no query, no body, no token. */
const ACCESS = JSON.stringify({
  requestId: '$context.requestId',
  ip: '$context.identity.sourceIp',
  time: '$context.requestTime',
  method: '$context.httpMethod',
  path: '$context.path',
  route: '$context.routeKey',
  status: '$context.status',
  bytes: '$context.responseLength',
  latencyMs: '$context.responseLatency',
  integrationStatus: '$context.integrationStatus',
  integrationError: '$context.integrationErrorMessage',
});
