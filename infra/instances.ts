import { Aws, Duration, Lazy, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import {
  AdjustmentType,
  AutoScalingGroup,
  type CfnAutoScalingGroup,
  CfnScalingPolicy,
  DefaultResult,
  GroupMetric,
  GroupMetrics,
  LifecycleTransition,
  OnDemandAllocationStrategy,
  Signals,
  SpotAllocationStrategy,
  UpdatePolicy,
} from 'aws-cdk-lib/aws-autoscaling';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import {
  AmazonLinuxCpuType,
  BlockDeviceVolume,
  EbsDeviceVolumeType,
  InstanceType,
  type ISecurityGroup,
  type IVpc,
  LaunchTemplate,
  LaunchTemplateHttpTokens,
  MachineImage,
} from 'aws-cdk-lib/aws-ec2';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { type ILogGroup, LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { DeployedProcess, ProcessName, Resources } from './processes.ts';
import { grantProcess, grantSecrets } from './roles.ts';
import { queriesOf, SCALE_IN_COOLDOWN, SCALE_OUT_COOLDOWN, scalingOf } from './scaling.ts';
import type { SecretName } from './secretsStack.ts';
import type { Settings } from './settings.ts';
import { installationOf } from './installation.ts';

export type InstanceSettings = Extract<Settings['compute'], { readonly on: 'ec2' }>;

export interface InstancesProps {
  readonly compute: InstanceSettings;
  readonly resources: Resources;
  readonly secrets: Readonly<Record<SecretName, Pick<ISecret, 'secretArn'>>>;
  readonly processes: Readonly<Record<ProcessName, DeployedProcess>>;
  readonly vpc: IVpc;
  readonly securityGroupOf: (name: ProcessName) => ISecurityGroup;
  /** Where the collectors write, and CloudWatch reads, metrics. */
  readonly metrics: ILogGroup;
}

/** Of one size each, so that Spot has several pools to take from. */
const TYPES = {
  x86_64: {
    worker: ['t3.medium', 't3a.medium', 'm6i.large', 'm7i.large'],
    bridge: ['t3.small', 't3a.small', 't3.medium'],
    api: ['t3.small', 't3a.small', 't3.medium'],
  },
  arm64: {
    worker: ['t4g.medium', 'm6g.large', 'm7g.large'],
    bridge: ['t4g.small', 't4g.medium'],
    api: ['t4g.small', 't4g.medium'],
  },
} as const;

/** By what an instance about to end is held back until its process has. */
const HOOK = 'drain';

/**
 * The processes as systemd's units: one auto scaling group, one role and one scaling each, as on ECS. A group for each process
 * because an instance has one role.
 */
export class InstanceProcesses extends Construct {
  readonly groups: Readonly<Record<ProcessName, AutoScalingGroup>>;
  private readonly props: InstancesProps;

  constructor(scope: Construct, id: string, props: InstancesProps) {
    super(scope, id);
    this.props = props;
    const { worker, bridge, api } = props.processes;
    this.groups = {
      worker: this.group(worker),
      bridge: this.group(bridge),
      api: this.group(api),
    };
    for (const name of Object.keys(this.groups)) this.scale(name as ProcessName);
  }

  private group(process: DeployedProcess): AutoScalingGroup {
    const { name, onDemand, onSpot, stopping } = process;
    const { compute, vpc } = this.props;
    const { least, most } = compute.scale[name];
    const [, ...others] = TYPES[compute.architecture][name];
    const group: AutoScalingGroup = new AutoScalingGroup(this, name, {
      autoScalingGroupName: groupNameOf(name),
      vpc,
      minCapacity: least,
      maxCapacity: most,
      mixedInstancesPolicy: {
        launchTemplate: this.template(process, () => group),
        launchTemplateOverrides: [
          this.type(name),
          ...others.map((type) => new InstanceType(type)),
        ].map((instanceType) => ({ instanceType })),
        instancesDistribution: {
          onDemandAllocationStrategy: OnDemandAllocationStrategy.PRIORITIZED,
          onDemandBaseCapacity: onDemand.base,
          onDemandPercentageAboveBaseCapacity: Math.round(
            (100 * onDemand.share) / (onDemand.share + onSpot.share),
          ),
          spotAllocationStrategy: SpotAllocationStrategy.PRICE_CAPACITY_OPTIMIZED,
        },
      },
      // Another is started when Spot says that one may end soon, before its two minutes begin.
      capacityRebalance: onSpot.share > 0,
      groupMetrics: [new GroupMetrics(GroupMetric.IN_SERVICE_INSTANCES)],
      defaultInstanceWarmup: Duration.minutes(2),
      // An instance counts once its process says that it is ready.
      signals: Signals.waitForMinCapacity({ timeout: Duration.minutes(10) }),
      updatePolicy: UpdatePolicy.rollingUpdate({
        maxBatchSize: 1,
        // CloudFormation wants one less than there may be.
        minInstancesInService: Math.min(least, most - 1),
        pauseTime: Duration.minutes(10),
        waitOnResourceSignals: true,
      }),
    });
    Validations.of(group).acknowledge(
      {
        id: 'AwsSolutions-AS3',
        reason: 'Instances come and go by themselves; what concerns people is an alarm',
      },
      {
        id: 'AwsSolutions-EC26',
        reason: 'The rule cannot read a launch template: its volume is encrypted, which is tested',
      },
    );
    group.addLifecycleHook(HOOK, {
      lifecycleHookName: HOOK,
      lifecycleTransition: LifecycleTransition.INSTANCE_TERMINATING,
      // Looked for every 5 s, stopped within `kill`, said to the group: with room to spare.
      heartbeatTimeout: Duration.seconds(stopping.kill + 60),
      defaultResult: DefaultResult.CONTINUE,
    });
    return group;
  }

  private template(process: DeployedProcess, group: () => AutoScalingGroup): LaunchTemplate {
    const { name } = process;
    const { compute, resources, secrets, metrics, securityGroupOf } = this.props;
    const log = new LogGroup(this, `${name}Log`, {
      logGroupName: `/waybill/${name}`,
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    const role = new Role(this, `${name}Role`, {
      assumedBy: new ServicePrincipal('ec2.amazonaws.com'),
      description: `Waybill: what instances of ${name} may do`,
    });
    grantProcess(role, name, resources, metrics);
    this.grantInstance(role, process, log);
    const own = Object.entries(process.secrets).map(
      ([variable, secret]) => [variable, secrets[secret].secretArn] as const,
    );
    return new LaunchTemplate(this, `${name}Template`, {
      launchTemplateName: `waybill-${name}`,
      instanceType: this.type(name),
      machineImage: MachineImage.latestAmazonLinux2023({
        cpuType:
          compute.architecture === 'arm64' ? AmazonLinuxCpuType.ARM_64 : AmazonLinuxCpuType.X86_64,
      }),
      role,
      securityGroup: securityGroupOf(name),
      httpTokens: LaunchTemplateHttpTokens.REQUIRED,
      // What runs in a container on the instance, if ever anything does, is not the instance.
      httpPutResponseHopLimit: 1,
      detailedMonitoring: true,
      blockDevices: [
        {
          deviceName: '/dev/xvda',
          volume: BlockDeviceVolume.ebs(16, {
            encrypted: true,
            volumeType: EbsDeviceVolumeType.GP3,
          }),
        },
      ],
      userData: installationOf(process, {
        architecture: compute.architecture,
        release: compute.release,
        secrets: Object.fromEntries(own),
        hook: { group: groupNameOf(name), name: HOOK },
        signalTo: Lazy.string({ produce: () => logicalIdOf(group()) }),
      }),
    });
  }

  /** What the instance does beside its process: it fetches the release and the secrets, writes the log, completes its hook. */
  private grantInstance(role: Role, { name, secrets }: DeployedProcess, log: ILogGroup): void {
    const { bucket, key } = this.props.compute.release;
    const allow = (actions: string[], resources: string[]) =>
      role.addToPolicy(new PolicyStatement({ actions, resources }));
    allow(['s3:GetObject'], [`arn:${Aws.PARTITION}:s3:::${bucket}/${key}`]);
    allow(
      ['logs:CreateLogStream', 'logs:PutLogEvents', 'logs:DescribeLogStreams'],
      [log.logGroupArn],
    );
    // The group's ARN holds an ID that AWS gives it: its name is what is ours.
    allow(
      ['autoscaling:CompleteLifecycleAction'],
      [
        `arn:${Aws.PARTITION}:autoscaling:${Aws.REGION}:${Aws.ACCOUNT_ID}:autoScalingGroup:*:autoScalingGroupName/${groupNameOf(name)}`,
      ],
    );
    Validations.of(role).acknowledge({
      id: `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:autoscaling:<AWS::Region>:<AWS::AccountId>:autoScalingGroup:*:autoScalingGroupName/${groupNameOf(name)}]`,
      reason: "In place of the group's ID, which only AWS knows: the name says which",
    });
    const arns = Object.values(secrets).map((secret) => this.props.secrets[secret].secretArn);
    grantSecrets(role, arns, this.props.resources);
  }

  private type(name: ProcessName): InstanceType {
    return new InstanceType(TYPES[this.props.compute.architecture][name][0]);
  }

  private scale(name: ProcessName): void {
    const group = this.groups[name];
    const { tracking, stepping, cpu } = scalingOf(name, this.queues, runningOf(name));
    for (const { id, metric, target } of tracking) {
      new CfnScalingPolicy(this, `${name}${id}`, {
        autoScalingGroupName: group.autoScalingGroupName,
        policyType: 'TargetTrackingScaling',
        targetTrackingConfiguration: {
          targetValue: target,
          customizedMetricSpecification: { metrics: queriesOf(metric) },
        },
      });
    }
    for (const { id, metric, steps } of stepping) {
      group.scaleOnMetric(id, {
        metric,
        scalingSteps: steps,
        adjustmentType: AdjustmentType.CHANGE_IN_CAPACITY,
        estimatedInstanceWarmup: SCALE_OUT_COOLDOWN,
        evaluationPeriods: 2,
      });
    }
    if (cpu !== null) {
      group.scaleOnCpuUtilization('Cpu', {
        targetUtilizationPercent: cpu,
        estimatedInstanceWarmup: SCALE_IN_COOLDOWN,
      });
    }
  }

  private get queues(): readonly IQueue[] {
    return Object.values(this.props.resources.queues).map(({ queue }) => queue);
  }
}

function groupNameOf(name: ProcessName): string {
  return `waybill-${name}`;
}

function logicalIdOf(group: AutoScalingGroup): string {
  const { defaultChild } = group.node;
  return Stack.of(group).getLogicalId(defaultChild as CfnAutoScalingGroup);
}

function runningOf(name: ProcessName): Metric {
  return new Metric({
    namespace: 'AWS/AutoScaling',
    metricName: 'GroupInServiceInstances',
    dimensionsMap: { AutoScalingGroupName: groupNameOf(name) },
    statistic: 'Average',
    period: Duration.minutes(1),
  });
}
