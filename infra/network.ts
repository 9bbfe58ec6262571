import { RemovalPolicy } from 'aws-cdk-lib';
import {
  FlowLogDestination,
  type IVpc,
  GatewayVpcEndpointAwsService,
  SecurityGroup,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';

/**
 * Where the processes run: private subnets in two zones, with one way out for Temporal, the payment provider and what of AWS
 * has no gateway. Nothing comes in but through the load balancer.
 */
export class Network extends Construct {
  readonly vpc: IVpc;
  /** Of the worker and the bridge: nobody calls them. */
  readonly silent: SecurityGroup;
  /** Of the API: only its load balancer calls it. */
  readonly called: SecurityGroup;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    // (The casts here and elsewhere: CDK's typings are not made for `exactOptionalPropertyTypes`.)
    this.vpc = new Vpc(this, 'Vpc', {
      maxAzs: 2,
      // A zone that is lost takes the way out along if it is there: a second one costs as much as the tasks themselves.
      natGateways: 1,
      // Nothing is in it, and to empty it takes a function of its own.
      restrictDefaultSecurityGroup: false,
      subnetConfiguration: [
        { name: 'public', subnetType: SubnetType.PUBLIC, mapPublicIpOnLaunch: false },
        { name: 'private', subnetType: SubnetType.PRIVATE_WITH_EGRESS },
      ],
      // Free, and the largest part of the traffic.
      gatewayEndpoints: {
        DynamoDb: { service: GatewayVpcEndpointAwsService.DYNAMODB },
        S3: { service: GatewayVpcEndpointAwsService.S3 },
      },
      flowLogs: {
        All: {
          destination: FlowLogDestination.toCloudWatchLogs(
            new LogGroup(this, 'FlowLogs', {
              logGroupName: '/waybill/network',
              retention: RetentionDays.ONE_MONTH,
              removalPolicy: RemovalPolicy.DESTROY,
            }),
          ),
        },
      },
    }) as IVpc;
    this.silent = new SecurityGroup(this, 'Silent', {
      vpc: this.vpc,
      description: 'Waybill: processes that nobody calls',
    });
    this.called = new SecurityGroup(this, 'Called', {
      vpc: this.vpc,
      description: 'Waybill: the API, which its load balancer calls',
    });
  }
}
