import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { type ISecurityGroup, Port, type IVpc } from 'aws-cdk-lib/aws-ec2';
import {
  type ApplicationListener,
  ApplicationLoadBalancer,
  ApplicationProtocol,
  ApplicationTargetGroup,
  type TargetType,
} from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  type IBucket,
  ObjectOwnership,
} from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { API_PORT } from './processes.ts';

export interface EntranceProps {
  readonly vpc: IVpc;
  /** Who may be called from here. */
  readonly api: ISecurityGroup;
  readonly targetType: TargetType;
}

/** How long the API finishes what it was asked, once it gets nothing new: less than its grace. */
const DRAINING = Duration.seconds(30);
/** How long accesses are kept. */
const KEPT = Duration.days(30);

/** In front of the API, inside the network: what comes from outside passes the edge first. */
export class Entrance extends Construct {
  readonly loadBalancer: ApplicationLoadBalancer;
  /** What the edge stands on; it lets in whoever the edge lets through (`connections.allowDefaultPortFrom`). */
  readonly listener: ApplicationListener;
  readonly targets: ApplicationTargetGroup;

  constructor(scope: Construct, id: string, { vpc, api, targetType }: EntranceProps) {
    super(scope, id);
    this.loadBalancer = new ApplicationLoadBalancer(this, 'LoadBalancer', {
      vpc,
      internetFacing: false,
      dropInvalidHeaderFields: true,
      // A browser that watches an order keeps a stream open; the API writes to it every 15 s.
      idleTimeout: Duration.seconds(60),
    });
    const accesses = new Bucket(this, 'Accesses', {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      // Load balancers deliver with no key but S3's own.
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      lifecycleRules: [{ expiration: KEPT }],
      removalPolicy: RemovalPolicy.RETAIN,
    });
    Validations.of(accesses).acknowledge({
      id: 'AwsSolutions-S1',
      reason: 'It holds accesses itself, and only the load balancer writes to it',
    });
    this.loadBalancer.logAccessLogs(accesses as IBucket);
    this.targets = new ApplicationTargetGroup(this, 'Api', {
      vpc,
      targetType,
      port: API_PORT,
      protocol: ApplicationProtocol.HTTP,
      deregistrationDelay: DRAINING,
      healthCheck: {
        // Whether it is alive: ECS replaces what its load balancer takes for unhealthy, and while Temporal is away, which
        // makes it not ready, it reads orders and takes webhooks all the same.
        path: '/healthz',
        interval: Duration.seconds(10),
        timeout: Duration.seconds(6),
        healthyThresholdCount: 2,
        unhealthyThresholdCount: 3,
      },
    });
    this.listener = this.loadBalancer.addListener('Listener', {
      port: 80,
      protocol: ApplicationProtocol.HTTP,
      open: false,
      defaultTargetGroups: [this.targets],
    });
    this.loadBalancer.connections.allowTo(api, Port.tcp(API_PORT), 'the API');
  }
}
