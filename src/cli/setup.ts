import { ensureKeyword } from '../console/searchAttribute.ts';
import { ensureSweepSchedule } from '../console/sweepSchedule.ts';
import { SEARCH_ATTRIBUTES } from '../contracts/searchAttributes.ts';
import { SWEEP_SCHEDULE } from '../contracts/sweep.ts';
import { UserError } from '../platform/errors.ts';
import { withTemporal } from './temporalTools.ts';

/** Makes what the service needs in its namespace of Temporal, and says of each thing what was to be done. */
export async function runSetup(): Promise<void> {
  await withTemporal(async ({ client, connection }) => {
    const { namespace } = client.options;
    for (const name of SEARCH_ATTRIBUTES) {
      const was = await ensureKeyword(connection, namespace, name);
      if (was === 'another type') {
        throw new UserError(
          `namespace ${namespace} has the search attribute ${name} as another type than Keyword`,
          'remove it, or set TEMPORAL_NAMESPACE; see `waybill doctor`',
        );
      }
      say(was, `search attribute ${name}`);
    }
    const { was, paused } = await ensureSweepSchedule(client.schedule);
    say(was, `schedule ${SWEEP_SCHEDULE}${paused ? ', which is paused' : ''}`);
  });
}

const SAID = {
  absent: 'created',
  different: 'changed',
  'as it should be': 'as it should be',
} as const;

function say(was: keyof typeof SAID, what: string): void {
  console.log(`${SAID[was].padEnd(15)} ${what}`);
}
