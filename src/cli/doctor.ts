import { readNamespaceFacts, readSourceFacts } from '../console/doctor.ts';
import { failure, type Finding, ok } from '../console/finding.ts';
import { judgeNamespace, type ExpectedAttribute } from '../console/namespaceChecks.ts';
import { judgeQueue, type SourceFacts } from '../console/queueChecks.ts';
import { UserError } from '../platform/errors.ts';
import { createSqs } from '../platform/sqs.ts';
import { withTemporal } from './temporalTools.ts';

export interface DoctorOptions {
  readonly json?: true;
}

/** Prints what was checked and what to change; exit 1 if a check failed. */
export async function runDoctor(
  queueUrls: readonly string[],
  { json }: DoctorOptions,
  expected: readonly ExpectedAttribute[],
): Promise<void> {
  const sqs = createSqs();
  const sources = await Promise.all(queueUrls.map((url) => readSourceFacts(sqs, url)));
  const findings = [...sources.flatMap(judgeQueue), ...(await checkTemporal(sources, expected))];
  console.log(json ? JSON.stringify(findings, null, 2) : describeFindings(findings));
  if (findings.some(({ level }) => level === 'failure')) process.exitCode = 1;
}

/** That Temporal does not answer is a finding as others are. */
async function checkTemporal(
  sources: readonly SourceFacts[],
  expected: readonly ExpectedAttribute[],
): Promise<readonly Finding[]> {
  const queues = sources.flatMap(({ queue }) => queue ?? []);
  try {
    return await withTemporal(async ({ client, connection }) => {
      const { namespace } = client.options;
      const facts = await readNamespaceFacts(connection, namespace, expected);
      const found = facts
        ? judgeNamespace(facts, queues, expected)
        : [
            failure(
              `namespace ${namespace}`,
              'it is not there',
              'create it, or set TEMPORAL_NAMESPACE',
            ),
          ];
      return [ok('Temporal', 'it answers'), ...found];
    });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return [failure('Temporal', error.message, error.hint)];
  }
}

function describeFindings(findings: readonly Finding[]): string {
  const count = (wanted: Finding['level']) =>
    findings.filter(({ level }) => level === wanted).length;
  return [
    ...findings.map(
      ({ level, subject, found, change }) =>
        `${level.padEnd(8)} ${subject}: ${found}${change === null ? '' : `\n         -> ${change}`}`,
    ),
    `${count('failure')} failures, ${count('warning')} warnings, ${count('ok')} ok`,
  ].join('\n');
}
