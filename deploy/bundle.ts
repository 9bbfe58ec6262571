import { writeFile } from 'node:fs/promises';
import { bundleWorkflows } from '../src/platform/workflowBundle.ts';

// What WAYBILL_WORKFLOW_BUNDLE names: a worker that finds it need not make it at each start.

const { code } = await bundleWorkflows();
await writeFile('workflow-bundle.js', code);
