import { RolloutError, rollOut } from '../console/rollout.ts';
import { UserError } from '../platform/errors.ts';
import { withTemporal } from './temporalTools.ts';

const WITHIN_SECONDS = 300;

export interface RolloutCommandOptions {
  /** How long to wait for workers of this build, in seconds. */
  readonly within?: string;
}

/** Makes a build of the workers the current one, once its workers are there. */
export async function runRollout(buildId: string, options: RolloutCommandOptions): Promise<void> {
  const within = Number(options.within ?? WITHIN_SECONDS);
  if (!Number.isInteger(within) || within < 0) {
    throw new UserError(
      `--within: expected whole seconds, received ${JSON.stringify(options.within)}`,
      'such as --within 300',
    );
  }
  await withTemporal(async ({ client, connection }) => {
    const { namespace } = client.options;
    try {
      const before = await rollOut(connection, { namespace, buildId, within: within * 1_000 });
      console.log(
        before === buildId
          ? `build ${buildId} is current already`
          : `build ${buildId} is current now; before: ${before ?? 'workers without a build ID'}`,
      );
    } catch (cause) {
      if (!(cause instanceof RolloutError)) throw cause;
      throw new UserError(
        `build ${buildId} has not become current within ${within} s: ${cause.message}`,
        `start workers with WAYBILL_BUILD_ID=${buildId}, see their logs, and run it again: nothing has changed`,
        { cause },
      );
    }
  });
}
