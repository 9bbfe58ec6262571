import { Duration, RemovalPolicy, Size, Validations } from 'aws-cdk-lib';
import {
  AdjustmentType,
  CfnScalingPolicy,
  PredefinedMetric,
  ScalableTarget,
  ServiceNamespace,
} from 'aws-cdk-lib/aws-applicationautoscaling';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import type { ISecurityGroup, IVpc } from 'aws-cdk-lib/aws-ec2';
import { type IRepository, Repository } from 'aws-cdk-lib/aws-ecr';
import {
  AwsLogDriverMode,
  ContainerImage,
  ContainerInsights,
  CpuArchitecture,
  Cluster,
  FargateService,
  FargateTaskDefinition,
  type ICluster,
  LogDrivers,
  OperatingSystemFamily,
  Secret as EcsSecret,
} from 'aws-cdk-lib/aws-ecs';
import { type ILogGroup, LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { COLLECTOR_CONFIG, COLLECTOR_IMAGE } from './collector.ts';
import {
  API_PORT,
  commandOf,
  healthCommandOf,
  type DeployedProcess,
  type ProcessName,
  type Resources,
} from './processes.ts';
import { grantProcess, grantSecrets } from './roles.ts';
import { queriesOf, SCALE_IN_COOLDOWN, SCALE_OUT_COOLDOWN, scalingOf } from './scaling.ts';
import type { SecretName } from './secretsStack.ts';
import type { Settings } from './settings.ts';

export type FargateSettings = Extract<Settings['compute'], { readonly on: 'fargate' }>;

export interface FargateProps {
  readonly compute: FargateSettings;
  readonly resources: Resources;
  readonly secrets: Readonly<Record<SecretName, Pick<ISecret, 'secretArn'>>>;
  readonly processes: Readonly<Record<ProcessName, DeployedProcess>>;
  readonly vpc: IVpc;
  readonly securityGroupOf: (name: ProcessName) => ISecurityGroup;
  /** Where the collectors write, and CloudWatch reads, metrics. */
  readonly metrics: ILogGroup;
}

/** Where the image has the release; it is the image's working folder too. */
export const IMAGE_HOME = '/app';
/** The image's user and group, by number: ECS knows no names. */
const USER = '1000:1000';
const SPOT = 'FARGATE_SPOT';
const ON_DEMAND = 'FARGATE';

/** The processes as ECS services without servers: one task definition, one role and one scaling each. */
export class FargateProcesses extends Construct {
  readonly cluster: Cluster;
  readonly services: Readonly<Record<ProcessName, FargateService>>;
  private readonly props: FargateProps;
  private readonly repository: IRepository;

  constructor(scope: Construct, id: string, props: FargateProps) {
    super(scope, id);
    this.props = props;
    this.repository = Repository.fromRepositoryName(
      this,
      'Repository',
      props.compute.image.repository,
    );
    this.cluster = new Cluster(this, 'Cluster', {
      clusterName: 'waybill',
      vpc: props.vpc,
      // Scaling counts the running tasks by it.
      containerInsightsV2: ContainerInsights.ENABLED,
      enableFargateCapacityProviders: true,
    });
    const { worker, bridge, api } = props.processes;
    this.services = {
      worker: this.service(worker),
      bridge: this.service(bridge),
      api: this.service(api),
    };
    for (const name of Object.keys(this.services)) this.scale(name as ProcessName);
  }

  private service(process: DeployedProcess): FargateService {
    const { name, onDemand, onSpot } = process;
    const { securityGroupOf, compute } = this.props;
    return new FargateService(this, name, {
      cluster: this.cluster as ICluster,
      serviceName: name,
      taskDefinition: this.task(process),
      desiredCount: compute.scale[name].least,
      securityGroups: [securityGroupOf(name)],
      assignPublicIp: false,
      circuitBreaker: { enable: true, rollback: true },
      minHealthyPercent: 100,
      maxHealthyPercent: 200,
      capacityProviderStrategies: [
        { capacityProvider: ON_DEMAND, base: onDemand.base, weight: onDemand.share },
        ...(onSpot.share > 0 ? [{ capacityProvider: SPOT, weight: onSpot.share }] : []),
      ],
    });
  }

  private task(process: DeployedProcess): FargateTaskDefinition {
    const { name, cpu, taskMemory, memory, stopping, environment } = process;
    const { compute, resources, metrics } = this.props;
    const task = new FargateTaskDefinition(this, `${name}Task`, {
      family: `waybill-${name}`,
      cpu,
      memoryLimitMiB: taskMemory,
      runtimePlatform: {
        operatingSystemFamily: OperatingSystemFamily.LINUX,
        cpuArchitecture:
          compute.architecture === 'arm64' ? CpuArchitecture.ARM64 : CpuArchitecture.X86_64,
      },
    });
    grantProcess(task.taskRole, name, resources, metrics);
    const arns = Object.values(process.secrets).map(
      (secret) => this.props.secrets[secret].secretArn,
    );
    const executionRole = task.obtainExecutionRole();
    grantSecrets(executionRole, arns, resources);
    Validations.of(executionRole).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason: 'ecr:GetAuthorizationToken alone: it is for all of a registry',
    });
    Validations.of(task).acknowledge({
      id: 'AwsSolutions-ECS2',
      reason: 'Names, addresses and limits; what is secret comes from Secrets Manager',
    });
    const [entry = '', ...command] = commandOf(process, 'node');
    task.addContainer(name, {
      image: ContainerImage.fromEcrRepository(this.repository, compute.image.digest),
      entryPoint: [entry],
      command,
      user: USER,
      // Nothing is written but to the log: there is no volume to write to either.
      readonlyRootFilesystem: true,
      privileged: false,
      memoryLimitMiB: memory,
      environment,
      secrets: this.secretsOf(process),
      stopTimeout: Duration.seconds(stopping.kill),
      healthCheck: {
        command: ['CMD', ...healthCommandOf(process, 'node')],
        interval: Duration.seconds(15),
        timeout: Duration.seconds(10),
        retries: 3,
        startPeriod: Duration.seconds(60),
      },
      logging: this.logsOf(name),
      ...(name === 'api' && { portMappings: [{ containerPort: API_PORT }] }),
    });
    this.addCollector(task, process);
    return task;
  }

  private secretsOf({ name: process, secrets }: DeployedProcess): Record<string, EcsSecret> {
    return Object.fromEntries(
      Object.entries(secrets).map(([variable, name]) => [
        variable,
        // By its ARN alone: the library would have the key's own policy name this stack, which is younger.
        EcsSecret.fromSecretsManager(
          Secret.fromSecretCompleteArn(
            this,
            `${process}${name}`,
            this.props.secrets[name].secretArn,
          ),
        ),
      ]),
    );
  }

  /** It goes on when the collector ends, without being seen; ECS starts a new task only for the process. */
  private addCollector(task: FargateTaskDefinition, process: DeployedProcess): void {
    const { name, taskMemory, memory, stopping } = process;
    const { AWS_REGION = '' } = process.environment;
    task.addContainer('collector', {
      image: ContainerImage.fromRegistry(COLLECTOR_IMAGE),
      essential: false,
      readonlyRootFilesystem: true,
      privileged: false,
      memoryLimitMiB: Math.min(256, taskMemory - memory),
      // What the process says while it stops has to get through.
      stopTimeout: Duration.seconds(Math.min(120, stopping.kill + 10)),
      environment: { AOT_CONFIG_CONTENT: COLLECTOR_CONFIG, AWS_REGION },
      healthCheck: { command: ['CMD', '/healthcheck'] },
      logging: this.logsOf(`${name}-collector`),
    });
  }

  private logsOf(stream: string) {
    return LogDrivers.awsLogs({
      streamPrefix: 'waybill',
      // Blocking would stop a process that writes its log synchronously whenever CloudWatch is slow to take it.
      mode: AwsLogDriverMode.NON_BLOCKING,
      maxBufferSize: Size.mebibytes(25),
      logGroup: new LogGroup(this, `${stream}Log`, {
        logGroupName: `/waybill/${stream}`,
        retention: RetentionDays.ONE_MONTH,
        removalPolicy: RemovalPolicy.RETAIN,
      }),
    });
  }

  private scale(name: ProcessName): void {
    const { least, most } = this.props.compute.scale[name];
    const target = new ScalableTarget(this, `${name}Scaling`, {
      serviceNamespace: ServiceNamespace.ECS,
      resourceId: `service/${this.cluster.clusterName}/${this.services[name].serviceName}`,
      scalableDimension: 'ecs:service:DesiredCount',
      minCapacity: least,
      maxCapacity: most,
    });
    const { tracking, stepping, cpu } = scalingOf(name, this.queues, this.running(name));
    const cooldowns = { scaleOutCooldown: SCALE_OUT_COOLDOWN, scaleInCooldown: SCALE_IN_COOLDOWN };
    for (const { id, metric, target: targetValue } of tracking) {
      new CfnScalingPolicy(this, `${name}${id}`, {
        policyName: `${name}-${id}`,
        policyType: 'TargetTrackingScaling',
        scalingTargetId: target.scalableTargetId,
        targetTrackingScalingPolicyConfiguration: {
          targetValue,
          scaleOutCooldown: SCALE_OUT_COOLDOWN.toSeconds(),
          scaleInCooldown: SCALE_IN_COOLDOWN.toSeconds(),
          customizedMetricSpecification: { metrics: queriesOf(metric) },
        },
      });
    }
    for (const { id, metric, steps } of stepping) {
      target.scaleOnMetric(id, {
        metric,
        scalingSteps: steps,
        adjustmentType: AdjustmentType.CHANGE_IN_CAPACITY,
        cooldown: SCALE_OUT_COOLDOWN,
        evaluationPeriods: 2,
      });
    }
    if (cpu !== null) {
      target.scaleToTrackMetric('Cpu', {
        predefinedMetric: PredefinedMetric.ECS_SERVICE_AVERAGE_CPU_UTILIZATION,
        targetValue: cpu,
        ...cooldowns,
      });
    }
  }

  private get queues(): readonly IQueue[] {
    return Object.values(this.props.resources.queues).map(({ queue }) => queue);
  }

  private running(name: ProcessName): Metric {
    return new Metric({
      namespace: 'ECS/ContainerInsights',
      metricName: 'RunningTaskCount',
      dimensionsMap: { ClusterName: 'waybill', ServiceName: name },
      statistic: 'Average',
      period: Duration.minutes(1),
    });
  }
}
