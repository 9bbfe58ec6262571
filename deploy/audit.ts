import { spawnSync } from 'node:child_process';

// Asks the registry for known vulnerabilities of the packages of production. Exit code: 0 there is none from `high` on, 1
// there is, 2 the registry did not answer: nothing is known then, which is not the same as nothing being wrong.

interface Report {
  readonly message?: string;
  readonly vulnerabilities?: Readonly<
    Record<string, { readonly severity: string; readonly range: string }>
  >;
}

const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--json'], { encoding: 'utf8' });
const { vulnerabilities, message } = JSON.parse(stdout || '{}') as Report;
if (vulnerabilities === undefined) {
  console.error(
    `not audited: ${message ?? 'npm said nothing'}\n` +
      '  npm asks the registry that it is set to: run this where that one answers audits',
  );
  process.exitCode = 2;
} else {
  const found = Object.entries(vulnerabilities);
  for (const [name, { severity, range }] of found) console.log(`${severity}: ${name} ${range}`);
  const grave = found.filter(([, { severity }]) => severity === 'high' || severity === 'critical');
  console.log(`${found.length} packages with known vulnerabilities, ${grave.length} from high on`);
  if (grave.length > 0) process.exitCode = 1;
}
