import type { Defect } from './defect.ts';
import { ACTIVITY_DEFECTS } from './defects/activities.ts';
import { API_DEFECTS } from './defects/api.ts';
import { BRIDGE_DEFECTS } from './defects/bridge.ts';
import { underFire } from './defects/underFire.ts';
import { WORKFLOW_DEFECTS } from './defects/workflows.ts';

const OF_PARTS: readonly Defect[] = [
  ...BRIDGE_DEFECTS,
  ...WORKFLOW_DEFECTS,
  ...ACTIVITY_DEFECTS,
  ...API_DEFECTS,
];

/** All that are known, each of which the tests must notice. */
export const DEFECTS: readonly Defect[] = [...OF_PARTS, ...underFire(OF_PARTS)];
