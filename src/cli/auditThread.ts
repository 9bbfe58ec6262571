import { parentPort } from 'node:worker_threads';
import { auditService } from './audit.ts';

// The thread that `sweepAudit.ts` starts.

const account = await auditService({ sent: [], acknowledged: new Map() });
parentPort?.postMessage(account);
