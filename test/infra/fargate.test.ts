import assert from 'node:assert/strict';
import { Match, type Template } from 'aws-cdk-lib/assertions';
import { parse } from 'yaml';
import { COLLECTOR_CONFIG } from '../../infra/collector.ts';
import { PROCESS_NAMES } from '../../infra/processes.ts';
import { exampleTemplate } from '../support/templates.ts';

interface Container {
  readonly Name: string;
  readonly Essential: boolean;
  readonly EntryPoint?: readonly string[];
  readonly Command?: readonly string[];
  readonly User?: string;
  readonly ReadonlyRootFilesystem: boolean;
  readonly Privileged: boolean;
  readonly Memory: number;
  readonly StopTimeout: number;
  readonly MountPoints?: readonly unknown[];
  readonly HealthCheck: { readonly Command: readonly string[] };
  readonly Environment: readonly { readonly Name: string; readonly Value: unknown }[];
  readonly Secrets?: readonly { readonly Name: string }[];
  readonly LogConfiguration: { readonly LogDriver: string };
}

interface Task {
  readonly Family: string;
  readonly Memory: string;
  readonly ContainerDefinitions: readonly Container[];
}

interface ScalingPolicy {
  readonly PolicyType: string;
  readonly ScalingTargetId: { readonly Ref: string };
  readonly TargetTrackingScalingPolicyConfiguration?: {
    readonly TargetValue: number;
    readonly CustomizedMetricSpecification?: {
      readonly Metrics: readonly { readonly Expression?: string; readonly ReturnData: boolean }[];
    };
  };
}

describe('the processes on ECS', () => {
  let template: Template;
  let tasks: Readonly<Record<string, Task>>;

  before(function () {
    this.timeout(120_000);
    template = exampleTemplate('waybill-compute');
    tasks = Object.fromEntries(
      propertiesOf<Task>('AWS::ECS::TaskDefinition').map((task) => [
        task.Family.replace('waybill-', ''),
        task,
      ]),
    );
  });

  function propertiesOf<Properties>(type: string): Properties[] {
    return Object.values(template.findResources(type)).map(
      (resource) => resource['Properties'] as Properties,
    );
  }

  function containerOf(name: string, container = name): Container {
    const found = tasks[name]?.ContainerDefinitions.find(({ Name }) => Name === container);
    assert.ok(found, `${container} of ${name}`);
    return found;
  }

  for (const name of PROCESS_NAMES) {
    it(`run ${name} with no shell, no root, nothing to write to, and its memory's limit`, () => {
      const container = containerOf(name);
      assert.deepEqual(container.EntryPoint, ['node']);
      assert.equal(container.Command?.at(-1), name);
      for (const part of container.Command ?? []) assert.doesNotMatch(part, /[;&|$]|sh$/);
      assert.match(container.User ?? '', /^[1-9]\d*:[1-9]\d*$/);
      assert.equal(container.ReadonlyRootFilesystem, true);
      assert.equal(container.Privileged, false);
      assert.deepEqual(container.MountPoints ?? [], []);
      assert.equal(container.Essential, true);
      assert.equal(container.LogConfiguration.LogDriver, 'awslogs');
      const [, heap] = /--max-old-space-size=(\d+)/.exec(container.Command?.join(' ') ?? '') ?? [];
      assert.ok(Number(heap) < container.Memory);
      const all = tasks[name]?.ContainerDefinitions.map(({ Memory }) => Memory) ?? [];
      assert.ok(all.reduce((sum, one) => sum + one) <= Number(tasks[name]?.Memory));
    });

    it(`kill ${name} only after it has given up by itself`, () => {
      const { StopTimeout, Environment } = containerOf(name);
      const grace = Environment.find(({ Name }) => Name === 'WAYBILL_GRACE_SECONDS')?.Value;
      // Temporal's worker gives up 5 s past its grace.
      assert.ok(
        Number(grace) + 5 < StopTimeout && StopTimeout <= 120,
        `${String(grace)}, ${StopTimeout}`,
      );
    });

    it(`ask ${name} itself whether it is alive`, () => {
      const [kind, node, flag, script = ''] = containerOf(name).HealthCheck.Command;
      assert.deepEqual([kind, node, flag], ['CMD', 'node', '-e']);
      const port = name === 'api' ? 8080 : 8081;
      assert.ok(script.includes(`http://127.0.0.1:${port}/healthz`), script);
      const { Environment } = containerOf(name);
      const variable = name === 'api' ? 'WAYBILL_API_PORT' : 'WAYBILL_HEALTH_PORT';
      const told = Environment.find(({ Name }) => Name === variable)?.Value;
      assert.equal(told, String(port));
    });

    it(`give ${name} its secrets by reference`, () => {
      const { Environment, Secrets = [] } = containerOf(name);
      const names = Secrets.map(({ Name }) => Name);
      assert.ok(names.includes('TEMPORAL_API_KEY'));
      for (const { Name } of Environment) assert.ok(!names.includes(Name));
    });

    it(`run a collector beside ${name}, that may end, and ends after it`, () => {
      const collector = containerOf(name, 'collector');
      assert.equal(collector.Essential, false);
      assert.equal(collector.ReadonlyRootFilesystem, true);
      assert.ok(collector.StopTimeout >= containerOf(name).StopTimeout);
      const config = collector.Environment.find(({ Name }) => Name === 'AOT_CONFIG_CONTENT');
      assert.equal(config?.Value, COLLECTOR_CONFIG);
    });
  }

  it('send what OTLP brings to X-Ray and to CloudWatch, in the log group that there is', () => {
    const config = parse(COLLECTOR_CONFIG) as Record<string, Record<string, unknown>>;
    const { awsemf } = config['exporters'] as Record<string, Record<string, unknown>>;
    assert.equal(awsemf?.['namespace'], 'Waybill');
    template.hasResourceProperties('AWS::Logs::LogGroup', {
      LogGroupName: awsemf?.['log_group_name'],
      RetentionInDays: Match.anyValue(),
    });
    const { pipelines } = config['service'] as {
      pipelines: Record<string, { receivers: string[]; processors: string[]; exporters: string[] }>;
    };
    assert.deepEqual(Object.keys(pipelines), ['traces', 'metrics']);
    assert.deepEqual(pipelines['traces']?.exporters, ['awsxray']);
    assert.deepEqual(pipelines['metrics']?.exporters, ['awsemf']);
    for (const { receivers, processors, exporters } of Object.values(pipelines)) {
      const declared = (kind: string, names: readonly string[]) =>
        names.every((name) => name in (config[kind] ?? {}));
      assert.ok(declared('receivers', receivers));
      assert.ok(declared('processors', processors));
      assert.ok(declared('exporters', exporters));
    }
  });

  it('keep every log for a time that is said', () => {
    const groups = propertiesOf<{ LogGroupName: string; RetentionInDays?: number }>(
      'AWS::Logs::LogGroup',
    );
    assert.ok(groups.length >= 7);
    for (const group of groups) assert.ok(group.RetentionInDays, group.LogGroupName);
  });

  it('deploy with a circuit breaker, in private subnets, on Spot where it does no harm', () => {
    const services = propertiesOf<{
      ServiceName: string;
      CapacityProviderStrategy: { CapacityProvider: string; Base?: number }[];
      DeploymentConfiguration: { DeploymentCircuitBreaker: object; MinimumHealthyPercent: number };
      NetworkConfiguration: { AwsvpcConfiguration: { AssignPublicIp: string } };
    }>('AWS::ECS::Service');
    assert.deepEqual(
      services.map(({ ServiceName }) => ServiceName).sort(),
      [...PROCESS_NAMES].sort(),
    );
    for (const service of services) {
      const { DeploymentConfiguration, NetworkConfiguration, CapacityProviderStrategy } = service;
      assert.deepEqual(DeploymentConfiguration.DeploymentCircuitBreaker, {
        Enable: true,
        Rollback: true,
      });
      assert.equal(DeploymentConfiguration.MinimumHealthyPercent, 100);
      assert.equal(NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp, 'DISABLED');
      const onSpot = CapacityProviderStrategy.some(
        ({ CapacityProvider }) => CapacityProvider === 'FARGATE_SPOT',
      );
      assert.equal(onSpot, service.ServiceName !== 'api');
      if (service.ServiceName === 'worker') assert.equal(CapacityProviderStrategy[0]?.Base, 1);
    }
  });

  it('are reached by nobody but the API, by its load balancer, which asks whether it is alive', () => {
    template.hasResourceProperties('AWS::ElasticLoadBalancingV2::LoadBalancer', {
      Scheme: 'internal',
    });
    template.hasResourceProperties('AWS::ElasticLoadBalancingV2::TargetGroup', {
      HealthCheckPath: '/healthz',
      Port: 8080,
      TargetType: 'ip',
    });
    const ingress = propertiesOf<{ FromPort: number; CidrIp?: string }>(
      'AWS::EC2::SecurityGroupIngress',
    );
    assert.deepEqual(
      ingress.map(({ FromPort, CidrIp }) => [FromPort, CidrIp]),
      [[8080, undefined]],
    );
    const groups = propertiesOf<{ SecurityGroupIngress?: object[] }>('AWS::EC2::SecurityGroup');
    for (const { SecurityGroupIngress = [] } of groups) assert.deepEqual(SecurityGroupIngress, []);
  });

  it('stop sending to an API sooner than it stops answering', () => {
    const [{ TargetGroupAttributes } = { TargetGroupAttributes: [] }] = propertiesOf<{
      TargetGroupAttributes: { Key: string; Value: string }[];
    }>('AWS::ElasticLoadBalancingV2::TargetGroup');
    const draining = TargetGroupAttributes.find(({ Key }) => Key.startsWith('deregistration'));
    const { Environment } = containerOf('api');
    const grace = Environment.find(({ Name }) => Name === 'WAYBILL_GRACE_SECONDS')?.Value;
    assert.ok(Number(draining?.Value) < Number(grace), draining?.Value);
  });

  it('scale the bridge by what waits for each, and by how long', () => {
    const policy = trackingOf('bridge');
    const { Metrics = [] } = policy?.CustomizedMetricSpecification ?? {};
    assert.ok(Metrics.length <= 10, "AWS's limit");
    const [whole, ...others] = Metrics.filter(({ ReturnData }) => ReturnData);
    assert.equal(others.length, 0);
    assert.match(
      whole?.Expression ?? '',
      /^SUM\(\[m0, .*m6\]\) \/ MAX\(\[FILL\(running, 1\), 1\]\)$/,
    );
    const stepping = steppingOf('bridge');
    assert.equal(stepping.length, 1);
    const alarms = Object.values(template.findResources('AWS::CloudWatch::Alarm'));
    const ages = alarms.filter((alarm) =>
      JSON.stringify(alarm).includes('ApproximateAgeOfOldestMessage'),
    );
    assert.equal(ages.length, 1);
  });

  it("scale the worker by its slots, and by how late Temporal's tasks start", () => {
    const { Metrics = [] } = trackingOf('worker')?.CustomizedMetricSpecification ?? {};
    assert.ok(Metrics.length <= 10, "AWS's limit");
    const text = JSON.stringify(Metrics);
    for (const name of ['available', 'used']) {
      assert.ok(text.includes(`temporal_worker_task_slots_${name}`), name);
    }
    assert.equal(steppingOf('worker').length, 1);
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      MetricName: 'temporal_workflow_task_schedule_to_start_latency',
      Namespace: 'Waybill',
    });
  });

  function policiesOf(name: string): ScalingPolicy[] {
    const targets = template.findResources('AWS::ApplicationAutoScaling::ScalableTarget');
    const [id] =
      Object.entries(targets).find(([, target]) =>
        JSON.stringify(target['Properties'].ResourceId).includes(`${name}Service`),
      ) ?? [];
    assert.ok(id, `the scaling of ${name}`);
    return propertiesOf<ScalingPolicy>('AWS::ApplicationAutoScaling::ScalingPolicy').filter(
      ({ ScalingTargetId }) => ScalingTargetId.Ref === id,
    );
  }

  function trackingOf(name: string) {
    return policiesOf(name).find(({ PolicyType }) => PolicyType === 'TargetTrackingScaling')
      ?.TargetTrackingScalingPolicyConfiguration;
  }

  function steppingOf(name: string): ScalingPolicy[] {
    return policiesOf(name).filter(({ PolicyType }) => PolicyType === 'StepScaling');
  }
});
