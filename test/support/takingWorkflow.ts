import { HandlerUnfinishedPolicy } from '@temporalio/common';
import { ApplicationFailure, condition, setHandler } from '@temporalio/workflow';
import {
  queryReference,
  signalReference,
  updateReference,
} from '../../src/contracts/references.ts';

export const takeSignal = signalReference<[string]>('take');
export const endSignal = signalReference<[]>('end');
/** Answers how much has been taken by then. */
export const takeUpdate = updateReference<number, [string]>('takeAndCount');
/** Takes the note too, and never answers. */
export const silentUpdate = updateReference<number, [string]>('takeAndBeSilent');
export const takenQuery = queryReference<readonly string[]>('taken');

/** What the update's validator refuses, and what its handler fails at. */
export const UNWANTED = 'unwanted';
export const BROKEN = 'broken';

/** Takes notes by signal and by update, until it is told to end: what the tests of the bridge's operations look into. */
export async function takingWorkflow(): Promise<readonly string[]> {
  const taken: string[] = [];
  let hasEnded = false;
  setHandler(takenQuery, () => taken);
  setHandler(takeSignal, (note) => void taken.push(note));
  setHandler(endSignal, () => void (hasEnded = true));
  setHandler(
    takeUpdate,
    (note) => {
      taken.push(note);
      if (note === BROKEN) throw ApplicationFailure.nonRetryable('it broke', 'Broken');
      return taken.length;
    },
    {
      validator(note) {
        if (note === UNWANTED) throw new Error('not this one');
      },
    },
  );
  setHandler(
    silentUpdate,
    async (note) => {
      taken.push(note);
      await condition(() => false);
      return taken.length;
    },
    { unfinishedPolicy: HandlerUnfinishedPolicy.ABANDON },
  );
  await condition(() => hasEnded);
  return taken;
}
