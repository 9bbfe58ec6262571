import { Aws } from 'aws-cdk-lib';
import { UserData } from 'aws-cdk-lib/aws-ec2';
import { COLLECTOR_CONFIG, COLLECTOR_VERSION } from './collector.ts';
import type { DeployedProcess } from './processes.ts';
import {
  drainScript,
  drainUnitOf,
  environmentFileOf,
  healthTimerOf,
  healthUnitOf,
  INSTANCE_HOME,
  INSTANCE_SETTINGS,
  INSTANCE_TOOLS,
  secretsScript,
  THRICE,
  unitOf,
} from './units.ts';

export interface Installation {
  readonly architecture: 'x86_64' | 'arm64';
  /** The release, and what its hash has to be. */
  readonly release: { readonly bucket: string; readonly key: string; readonly sha256: string };
  /** ARNs by variable. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly hook: { readonly group: string; readonly name: string };
  /** The logical ID of the resource that waits for the instance. */
  readonly signalTo: string;
}

const COLLECTOR_FOLDER = { x86_64: 'amd64', arm64: 'arm64' } as const;

/** What an instance does at its first start: it becomes one that runs this process, and says whether it does. */
export function installationOf(process: DeployedProcess, installation: Installation): UserData {
  const { name, healthPort } = process;
  const { architecture, release, secrets, hook, signalTo } = installation;
  const packages = `https://aws-otel-collector.s3.amazonaws.com/amazon_linux/${COLLECTOR_FOLDER[architecture]}/${COLLECTOR_VERSION}`;
  const userData = UserData.forLinux({ shebang: '#!/bin/bash\nset -euo pipefail' });
  userData.addCommands(
    `signal() { /opt/aws/bin/cfn-signal -e "$?" --stack ${Aws.STACK_NAME} --resource ${signalTo} --region ${Aws.REGION}; }`,
    'trap signal EXIT',
    'dnf install -y nodejs24 amazon-cloudwatch-agent',
    'useradd --system --no-create-home --shell /sbin/nologin waybill',
    // Before the unit: systemd opens its log before it makes a unit's own folders.
    'install --directory --owner=waybill --group=waybill --mode=750 /var/log/waybill',
    `mkdir -p ${INSTANCE_HOME} ${INSTANCE_TOOLS} ${INSTANCE_SETTINGS} /opt/aws/aws-otel-collector/etc`,
    `aws s3 cp --only-show-errors --region ${Aws.REGION} s3://${release.bucket}/${release.key} /root/release.tgz`,
    `echo '${release.sha256}  /root/release.tgz' | sha256sum --check --quiet`,
    `tar -xzf /root/release.tgz -C ${INSTANCE_HOME} --no-same-owner`,
    // Signed by AWS: the key first, then what it must have signed.
    'rpm --import https://aws-otel-collector.s3.amazonaws.com/aws-otel-collector.gpg',
    `curl -sSf -o /root/collector.rpm ${packages}/aws-otel-collector.rpm`,
    'rpmkeys --checksig /root/collector.rpm && dnf install -y /root/collector.rpm',
    ...write('/opt/aws/aws-otel-collector/etc/config.yaml', COLLECTOR_CONFIG),
    ...write('/opt/aws/aws-otel-collector/etc/.env', collectorEnvironment(process)),
    ...write(`${INSTANCE_SETTINGS}/${name}.env`, environmentFileOf(process)),
    ...write(`${INSTANCE_TOOLS}/secrets`, secretsScript(secrets, Aws.REGION), '755'),
    ...write(`${INSTANCE_TOOLS}/drain`, drainScript(hook), '755'),
    ...write(`${INSTANCE_TOOLS}/thrice`, THRICE, '755'),
    ...write(`/etc/systemd/system/waybill-${name}.service`, unitOf(process)),
    ...write(`/etc/systemd/system/waybill-${name}-health.service`, healthUnitOf(process)),
    ...write(`/etc/systemd/system/waybill-${name}-health.timer`, healthTimerOf(process)),
    ...write('/etc/systemd/system/waybill-drain.service', drainUnitOf(process)),
    ...write('/opt/aws/amazon-cloudwatch-agent/etc/waybill.json', agentConfig(process)),
    ...write(`/etc/logrotate.d/waybill`, LOG_ROTATION),
    'systemctl daemon-reload',
    'systemctl enable --now aws-otel-collector waybill-drain',
    '/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl -a fetch-config -m ec2 -s -c file:/opt/aws/amazon-cloudwatch-agent/etc/waybill.json',
    `systemctl enable --now waybill-${name}.service waybill-${name}-health.timer`,
    `curl -sf -o /dev/null --retry 60 --retry-delay 5 --retry-all-errors --max-time 6 http://127.0.0.1:${healthPort}/readyz`,
  );
  return userData;
}

/** Commands that lay a file down, word for word. */
function write(path: string, text: string, mode = '644'): string[] {
  return [`cat > ${path} <<'END_OF_FILE'\n${text.trimEnd()}\nEND_OF_FILE`, `chmod ${mode} ${path}`];
}

function collectorEnvironment({ environment }: DeployedProcess): string {
  return `AWS_REGION=${environment['AWS_REGION']}\nconfig="--config /opt/aws/aws-otel-collector/etc/config.yaml"\n`;
}

function agentConfig({ name }: DeployedProcess): string {
  const file = {
    file_path: `/var/log/waybill/${name}.log`,
    log_group_name: `/waybill/${name}`,
    log_stream_name: '{instance_id}',
  };
  return JSON.stringify({ logs: { logs_collected: { files: { collect_list: [file] } } } });
}

/** The files are written by systemd, which would go on with the one that was moved away. */
const LOG_ROTATION = `/var/log/waybill/*.log {
  size 100M
  rotate 3
  copytruncate
  missingok
}
`;
