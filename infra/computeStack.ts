import { Fn, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import type { ISecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { TargetType } from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import { type ILogGroup, LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import { METRICS_LOG_GROUP } from './collector.ts';
import { Entrance } from './entrance.ts';
import { FargateProcesses, IMAGE_HOME } from './fargate.ts';
import { InstanceProcesses } from './instances.ts';
import { Network } from './network.ts';
import { declareProcesses, type ProcessName, type Resources } from './processes.ts';
import type { SecretName } from './secretsStack.ts';
import type { Settings } from './settings.ts';
import { INSTANCE_HOME } from './units.ts';

export interface ComputeStackProps extends StackProps {
  readonly settings: Settings;
  readonly resources: Resources;
  readonly secrets: Readonly<Record<SecretName, Pick<ISecret, 'secretArn'>>>;
}

/** The processes, on ECS or on EC2 as the settings say, and what stands between them and the world. */
export class ComputeStack extends Stack {
  readonly network: Network;
  /** The API, from within the network. */
  readonly entrance: Entrance;

  constructor(scope: Construct, id: string, props: ComputeStackProps) {
    super(scope, id, props);
    const { settings, resources, secrets } = props;
    const { compute } = settings;
    this.network = new Network(this, 'Network');
    const { vpc, silent, called } = this.network;
    this.entrance = new Entrance(this, 'Entrance', {
      vpc,
      api: called,
      targetType: compute.on === 'fargate' ? TargetType.IP : TargetType.INSTANCE,
    });
    const shared = {
      resources,
      secrets,
      vpc,
      securityGroupOf: (name: ProcessName): ISecurityGroup => (name === 'api' ? called : silent),
      metrics: this.metrics(),
    };
    const { targets, listener } = this.entrance;
    if (compute.on === 'fargate') {
      const processes = declareProcesses(settings, resources, IMAGE_HOME);
      const { services } = new FargateProcesses(this, 'Fargate', { ...shared, compute, processes });
      targets.addTarget(services.api);
      // ECS takes a target group only once something listens.
      services.api.node.addDependency(listener);
    } else {
      const processes = declareProcesses(settings, resources, INSTANCE_HOME);
      const { groups } = new InstanceProcesses(this, 'Instances', {
        ...shared,
        compute,
        processes,
      });
      groups.api.attachToApplicationTargetGroup(targets);
    }
  }

  /** Two zones, whichever the account has: none is looked up. */
  override get availabilityZones(): string[] {
    return [0, 1].map((index) => Fn.select(index, Fn.getAzs()));
  }

  /** CloudWatch takes the metrics out of it; who asks for one that is none finds it here. */
  private metrics(): ILogGroup {
    return new LogGroup(this, 'Metrics', {
      logGroupName: METRICS_LOG_GROUP,
      retention: RetentionDays.TWO_WEEKS,
      removalPolicy: RemovalPolicy.DESTROY,
    });
  }
}
