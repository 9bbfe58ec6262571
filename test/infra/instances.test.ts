import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Match, type Template } from 'aws-cdk-lib/assertions';
import { PROCESS_NAMES, type ProcessName } from '../../infra/processes.ts';
import { secretsScript } from '../../infra/units.ts';
import { textOf } from '../support/policies.ts';
import { exampleTemplate } from '../support/templates.ts';

const run = promisify(execFile);

/** EC2's limit, before base64, in bytes. */
const LARGEST_USER_DATA = 16_384;

describe('the processes on EC2', () => {
  let template: Template;
  /** What an instance of each process does first. */
  let scripts: Readonly<Record<ProcessName, string>>;

  before(function () {
    this.timeout(120_000);
    template = exampleTemplate('waybill-compute', 'ec2');
    const templates = Object.values(template.findResources('AWS::EC2::LaunchTemplate'));
    scripts = Object.fromEntries(
      templates.map(({ Properties: { LaunchTemplateName: name, LaunchTemplateData: data } }) => [
        name.replace('waybill-', ''),
        textOf(data.UserData['Fn::Base64']),
      ]),
    ) as Record<ProcessName, string>;
  });

  /** A file that an instance of the process is given, word for word. */
  function fileOf(name: ProcessName, path: string): string {
    const [, rest] = scripts[name].split(`cat > ${path} <<'END_OF_FILE'\n`);
    assert.ok(rest !== undefined, `${path} of ${name}`);
    const [text = ''] = rest.split('\nEND_OF_FILE\n');
    return text;
  }

  const unitOf = (name: ProcessName) => fileOf(name, `/etc/systemd/system/waybill-${name}.service`);

  for (const name of PROCESS_NAMES) {
    it(`run ${name} as systemd's unit: confined, as nobody, killed only after it gave up`, () => {
      const unit = unitOf(name);
      const setting = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(unit)?.[1];
      assert.match(
        setting('ExecStart') ?? '',
        new RegExp(`^/usr/bin/node-24 .*main\\.ts ${name}$`),
      );
      assert.equal(setting('User'), 'waybill');
      assert.equal(setting('KillSignal'), 'SIGTERM');
      assert.equal(setting('KillMode'), 'mixed');
      assert.equal(setting('ProtectSystem'), 'strict');
      assert.equal(setting('NoNewPrivileges'), 'yes');
      assert.equal(setting('CapabilityBoundingSet'), '');
      const environment = fileOf(name, `/etc/waybill/${name}.env`);
      const [, grace] = /^WAYBILL_GRACE_SECONDS="(\d+)"$/m.exec(environment) ?? [];
      // Temporal's worker gives up 5 s past its grace.
      assert.ok(Number(grace) + 5 < Number(setting('TimeoutStopSec')));
      assert.ok(Number(setting('TimeoutStopSec')) < 120, 'what a Spot notice leaves');
    });

    it(`have a folder for the log of ${name} before it starts`, () => {
      const first = scripts[name].indexOf('--mode=750 /var/log/waybill');
      const start = scripts[name].indexOf(`systemctl enable --now waybill-${name}.service`);
      assert.ok(first >= 0 && first < start);
    });

    it(`tell ${name} the same as on ECS, its secrets apart`, () => {
      const environment = fileOf(name, `/etc/waybill/${name}.env`);
      const onEc2 = [...environment.matchAll(/^(\w+)=/gm)].map(([, variable = '']) => variable);
      const tasks = exampleTemplate('waybill-compute');
      const [task] = Object.values(
        tasks.findResources('AWS::ECS::TaskDefinition', {
          Properties: { Family: `waybill-${name}` },
        }),
      );
      assert.ok(task);
      const [container] = task['Properties'].ContainerDefinitions as {
        Environment: { Name: string }[];
        Secrets: { Name: string }[];
      }[];
      assert.deepEqual(onEc2.toSorted(), container?.Environment.map(({ Name }) => Name).toSorted());
      const fetched = fileOf(name, '/opt/waybill-instance/secrets').matchAll(/^fetch (\w+) /gm);
      assert.deepEqual(
        [...fetched].map(([, variable = '']) => variable).toSorted(),
        container?.Secrets.map(({ Name }) => Name).toSorted(),
      );
    });

    it(`stop ${name} in order before its instance ends, and only then let it end`, () => {
      const drain = fileOf(name, '/opt/waybill-instance/drain');
      const at = (text: string) => {
        const index = drain.indexOf(text);
        assert.ok(index >= 0, text);
        return index;
      };
      at('autoscaling/target-lifecycle-state');
      at('spot/instance-action');
      assert.ok(at('systemctl stop "waybill-$process.service"') < at('complete-lifecycle-action'));
      at(`--auto-scaling-group-name waybill-${name} --lifecycle-hook-name drain`);
      const unit = unitOf(name);
      const [, kill] = /^TimeoutStopSec=(\d+)$/m.exec(unit) ?? [];
      const hooks = Object.values(template.findResources('AWS::AutoScaling::LifecycleHook'));
      const hook = hooks.find(({ Properties }) =>
        JSON.stringify(Properties.AutoScalingGroupName).includes(name),
      );
      assert.equal(
        hook?.['Properties'].LifecycleTransition,
        'autoscaling:EC2_INSTANCE_TERMINATING',
      );
      assert.ok(hook?.['Properties'].HeartbeatTimeout > Number(kill) + 10);
    });

    it(`install ${name} with a script that bash reads, and that EC2 takes`, async () => {
      const script = scripts[name];
      assert.ok(
        Buffer.byteLength(script) < LARGEST_USER_DATA,
        `${Buffer.byteLength(script)} bytes`,
      );
      for (const part of ['drain', 'secrets', 'thrice']) {
        await assertBash(fileOf(name, `/opt/waybill-instance/${part}`));
      }
      await assertBash(script);
      assert.match(script, /sha256sum --check/);
    });
  }

  it('have units that systemd takes, where it is here to ask', async function () {
    const folder = await mkdtemp(join(tmpdir(), 'waybill-units-'));
    try {
      for (const name of PROCESS_NAMES) {
        const unit = unitOf(name)
          // Neither Node.js nor the user is where the instance has them.
          .replaceAll(/^(ExecStart(?:Pre)?=\+?)\S+/gm, '$1/bin/true')
          .replaceAll(/^(User|Group)=.*\n/gm, '');
        const file = join(folder, `waybill-${name}.service`);
        await writeFile(file, unit);
        const { stderr } = await run('systemd-analyze', ['verify', '--man=no', file]).catch(
          (error: NodeJS.ErrnoException & { stderr: string }) => {
            if (error.code === 'ENOENT') this.skip();
            return error;
          },
        );
        const own = stderr.split('\n').filter((line) => line.includes(`waybill-${name}`));
        assert.deepEqual(own, []);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('hand each secret over to systemd as it is, whatever is in it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'waybill-secrets-'));
    try {
      const secret = '-----BEGIN KEY-----\na"b\\c$d`e\n-----END KEY-----';
      await writeFile(join(folder, 'aws'), `#!/bin/sh\ncat ${folder}/secret\n`, { mode: 0o755 });
      await writeFile(join(folder, 'secret'), `${secret}\n`);
      const script = secretsScript({ TEMPORAL_TLS_CLIENT_KEY_DATA: 'arn' }, 'eu-central-1');
      const file = join(folder, 'secrets');
      await writeFile(file, script.replaceAll('/run/waybill-secrets', folder), { mode: 0o755 });
      await run(file, ['worker'], { env: { PATH: `${folder}:/usr/bin:/bin` } });
      // systemd quotes as a shell does.
      const { stdout } = await run('bash', [
        '-c',
        `source ${folder}/worker.env; printf %s "$TEMPORAL_TLS_CLIENT_KEY_DATA"`,
      ]);
      assert.equal(stdout, secret);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('answer to nobody without a token, and keep what they write encrypted', () => {
    template.allResourcesProperties('AWS::EC2::LaunchTemplate', {
      LaunchTemplateData: {
        MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 1 },
        BlockDeviceMappings: [Match.objectLike({ Ebs: Match.objectLike({ Encrypted: true }) })],
      },
    });
    template.resourceCountIs('AWS::EC2::LaunchTemplate', 3);
  });

  it('are on Spot where it does no harm, and replaced before it takes them', () => {
    const groups = Object.values(template.findResources('AWS::AutoScaling::AutoScalingGroup'));
    const shares = groups.map(({ Properties: { AutoScalingGroupName: name, ...group } }) => {
      const { InstancesDistribution } = group.MixedInstancesPolicy;
      return [
        name,
        {
          base: InstancesDistribution.OnDemandBaseCapacity,
          onDemand: InstancesDistribution.OnDemandPercentageAboveBaseCapacity,
          rebalanced: group.CapacityRebalance ?? false,
        },
      ];
    });
    assert.deepEqual(Object.fromEntries(shares), {
      'waybill-worker': { base: 1, onDemand: 25, rebalanced: true },
      'waybill-bridge': { base: 0, onDemand: 20, rebalanced: true },
      'waybill-api': { base: 0, onDemand: 100, rebalanced: false },
    });
  });

  it('scale as they do on ECS', () => {
    const policies = Object.values(template.findResources('AWS::AutoScaling::ScalingPolicy')).map(
      ({ Properties }) => [
        String(textOf(Properties.AutoScalingGroupName).match(/worker|bridge|api/)),
        Properties.PolicyType,
      ],
    );
    assert.deepEqual(policies.map((policy) => policy.join(' ')).toSorted(), [
      'api TargetTrackingScaling',
      'bridge StepScaling',
      'bridge TargetTrackingScaling',
      'worker StepScaling',
      'worker TargetTrackingScaling',
    ]);
  });
});

async function assertBash(script: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'waybill-script-'));
  try {
    const file = join(folder, 'script');
    // What only AWS knows will be a word.
    await writeFile(file, script.replaceAll(/<(Ref|Fn::\w+) [^>]*>/g, 'word'));
    await run('bash', ['-n', file]);
  } finally {
    await rm(folder, { recursive: true });
  }
}
