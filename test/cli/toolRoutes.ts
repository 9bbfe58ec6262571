import { z } from 'zod';
import { followUp, on, type Route } from '../../src/bridges/route.ts';
import {
  signalReference,
  updateReference,
  workflowReference,
} from '../../src/contracts/references.ts';

const data = z.object({ id: z.string() });
const workflow = workflowReference<() => Promise<void>>('toolsWorkflow', 'tools');
const nudge = signalReference<[string]>('nudge');
const ask = updateReference<string, [string]>('ask');
const idOf = (event: { readonly data: { readonly id: string } }) => event.data.id;

/** One route of each operation, for the tools to explain. */
const routes: readonly Route[] = [
  on('test', 'Begin', data).start(workflow, (event) => ({ workflowId: idOf(event), args: [] })),
  on('test', 'Event', data).inbox(idOf, { early: '15m', late: 'acknowledge' }),
  on('test', 'Strict', data).inbox(idOf, { early: 0, late: 'park' }),
  on('test', 'Follow', data).signal(
    nudge,
    (event) => ({ workflowId: idOf(event), args: ['now'] }),
    {
      early: '1h',
      late: followUp(workflow, (event) => ({ workflowId: `${idOf(event)}-next`, args: [] })),
    },
  ),
  on('test', 'Poke', data).signalWithStart(
    workflow,
    nudge,
    (event) => ({ workflowId: idOf(event), args: [], signalArgs: ['now'] }),
    { late: 'park' },
  ),
  on('test', 'Ask', data).updateWithStart(
    workflow,
    ask,
    (event) => ({ workflowId: idOf(event), args: [], updateArgs: ['why'] }),
    { late: 'acknowledge', refused: 'park' },
  ),
  on('test', 'Known', data).ignore(),
  on('test', 'Broken', data, {
    when() {
      throw new Error('no such table');
    },
  }).ignore(),
];
export default routes;
