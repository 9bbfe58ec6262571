import { runWorker } from '../src/cli/worker.ts';
import { countCalls, reportCalls } from './callCounter.ts';

// Our worker as it runs in production, with somebody who counts what it calls.
reportCalls(countCalls());
await runWorker();
