import { commandOf, healthCommandOf, type DeployedProcess } from './processes.ts';

/** Where an instance has the release, and what is laid beside it. */
export const INSTANCE_HOME = '/opt/waybill';
export const INSTANCE_TOOLS = '/opt/waybill-instance';
export const INSTANCE_SETTINGS = '/etc/waybill';
/** Amazon Linux names each release of Node.js by itself. */
const NODE = '/usr/bin/node-24';

/** systemd's unit of a process: what ECS is told of its container, said to systemd. */
export function unitOf(process: DeployedProcess): string {
  const { name, memory, stopping } = process;
  return `[Unit]
Description=Waybill: ${name}
Wants=network-online.target
After=network-online.target aws-otel-collector.service

[Service]
Type=exec
User=waybill
Group=waybill
WorkingDirectory=${INSTANCE_HOME}
EnvironmentFile=${INSTANCE_SETTINGS}/${name}.env
# Written by the line below, before each start, into memory only.
EnvironmentFile=-/run/waybill-secrets/${name}.env
ExecStartPre=+${INSTANCE_TOOLS}/secrets ${name}
ExecStart=${commandOf(process, NODE).join(' ')}
KillSignal=SIGTERM
KillMode=mixed
TimeoutStopSec=${stopping.kill}
TimeoutStartSec=60
Restart=always
RestartSec=2
MemoryMax=${memory}M
MemorySwapMax=0
LimitNOFILE=65536
LogsDirectory=waybill
StandardOutput=append:/var/log/waybill/${name}.log
StandardError=append:/var/log/waybill/${name}.log
${CONFINEMENT}

[Install]
WantedBy=multi-user.target
`;
}

/** A process can do what Node.js needs, and write nothing but its log. (V8 writes the code that it runs.) */
const CONFINEMENT = `UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
SystemCallArchitectures=native`;

/** One that is not alive is started again, as ECS would: three checks, 15 s apart. */
export function healthUnitOf(process: DeployedProcess): string {
  const { name } = process;
  const command = healthCommandOf(process, NODE).map((part) => JSON.stringify(part));
  return `[Unit]
Description=Waybill: whether ${name} is alive
# A process that is stopping, or was stopped, is left alone.
Requisite=waybill-${name}.service
After=waybill-${name}.service

[Service]
Type=oneshot
User=waybill
ExecStart=${INSTANCE_TOOLS}/thrice ${command.join(' ')}
ExecStopPost=+/bin/sh -c 'test "$SERVICE_RESULT" != exit-code || systemctl try-restart --no-block waybill-${name}.service'
NoNewPrivileges=yes
ProtectSystem=strict
PrivateTmp=yes
`;
}

export function healthTimerOf({ name }: DeployedProcess): string {
  return `[Unit]
Description=Waybill: asks whether ${name} is alive

[Timer]
OnActiveSec=90
OnUnitInactiveSec=15
AccuracySec=1

[Install]
WantedBy=timers.target
`;
}

/** Succeeds when the command does, the first time or one of the two after it. */
export const THRICE = `#!/bin/sh
"$@" && exit 0
sleep 15
"$@" && exit 0
sleep 15
exec "$@"
`;

/**
 * Watches for the end of the instance: a Spot notice (two minutes), or a scale-in, whose lifecycle hook waits for us. Then the
 * process is stopped as by a deploy, and only when it has ended is the hook completed.
 */
export function drainUnitOf({ name, stopping }: DeployedProcess): string {
  return `[Unit]
Description=Waybill: stops ${name} in order before the instance ends
Wants=network-online.target
After=network-online.target

[Service]
Type=exec
ExecStart=${INSTANCE_TOOLS}/drain ${name}
Restart=on-failure
RestartSec=5
TimeoutStopSec=${stopping.kill + 10}
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes

[Install]
WantedBy=multi-user.target
`;
}

/** How often the end is looked for, in seconds: of the 120 s that a Spot notice leaves. */
const LOOK_EVERY = 5;

/** @param hook - the names of the auto scaling group and of its hook. */
export function drainScript(hook: { readonly group: string; readonly name: string }): string {
  return `#!/bin/bash
set -uo pipefail
process=$1
metadata=http://169.254.169.254/latest

ask() {
  local token
  token=$(curl -sf --max-time 2 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$metadata/api/token") || return 1
  curl -sf --max-time 2 -H "X-aws-ec2-metadata-token: $token" "$metadata/meta-data/$1"
}

until [ "$(ask autoscaling/target-lifecycle-state)" = Terminated ] || ask spot/instance-action > /dev/null; do
  sleep ${LOOK_EVERY}
done

echo "the instance ends: stopping $process"
systemctl stop "waybill-$process-health.timer"
systemctl stop "waybill-$process.service"
echo "$process has ended"
until [ "$(ask autoscaling/target-lifecycle-state)" = Terminated ]; do sleep ${LOOK_EVERY}; done
instance=$(ask instance-id)
region=$(ask placement/region)
aws autoscaling complete-lifecycle-action --region "$region" --instance-id "$instance" \\
  --auto-scaling-group-name ${hook.group} --lifecycle-hook-name ${hook.name} \\
  --lifecycle-action-result CONTINUE
`;
}

/** Writes a process's secrets where systemd alone reads them, in memory. @param secrets - ARNs by variable. */
export function secretsScript(secrets: Readonly<Record<string, string>>, region: string): string {
  const fetches = Object.entries(secrets).map(([variable, arn]) => `fetch ${variable} ${arn}`);
  return `#!/bin/bash
set -euo pipefail
umask 077
process=$1
mkdir -p /run/waybill-secrets
file=$(mktemp "/run/waybill-secrets/.$process.XXXXXX")

fetch() {
  local value
  value=$(aws secretsmanager get-secret-value --region ${region} --secret-id "$2" --query SecretString --output text)
  # As systemd reads a quoted value, over several lines too.
  printf '%s="%s"\\n' "$1" "$(sed 's/[\\\\"$\`]/\\\\&/g' <<< "$value")" >> "$file"
}

${fetches.join('\n')}
mv "$file" "/run/waybill-secrets/$process.env"
`;
}

/** The variables of a process, one a line, as systemd reads them. */
export function environmentFileOf({ environment }: DeployedProcess): string {
  return Object.entries(environment)
    .map(([variable, value]) => `${variable}="${value}"\n`)
    .join('');
}
