import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const PROJECT = join(import.meta.dirname, '../..');
const run = promisify(execFile);

/** What the snippets are made of. */
const CONTEXT = `
import { z } from 'zod';
import {
  followUp, on, signalReference, updateReference, workflowReference,
} from '../../src/bridges/index.ts';
export { followUp, on };
export const schema = z.object({ id: z.string(), count: z.number() });
export const sold = on('shop', 'Sold', schema);
export const sale = workflowReference<(id: string, count: number) => Promise<void>>('sale', 'sales');
export const bare = workflowReference<() => Promise<void>>('bare', 'sales');
export const add = signalReference<[string, number]>('add');
export const ask = updateReference<boolean, [string]>('ask');
export const limits = { early: '1h', late: 'park' } as const;
`;

const HEAD = `
import type { Route } from '../../src/bridges/index.ts';
import { add, ask, bare, followUp, limits, on, sale, schema, sold } from './context.ts';
export const used = [add, ask, bare, followUp, limits, on, sale, schema, sold];
`;

/** Each makes one route. */
const ACCEPTED: readonly string[] = [
  `sold.start(sale, ({ data }) => ({ workflowId: data.id, args: [data.id, data.count] }))`,
  `sold.start(bare, ({ id }) => ({ workflowId: id, args: [] }))`,
  `sold.inbox(({ data }) => data.id, { early: '15m', late: 'acknowledge' })`,
  `sold.inbox(({ source, type }) => source + type, { early: 0, late: 'park' })`,
  `sold.signal(add, ({ data }) => ({ workflowId: data.id, args: [data.id, data.count] }), limits)`,
  `sold.signalWithStart(sale, add, ({ data }) => ({ workflowId: data.id, args: [data.id, 1], signalArgs: [data.id, 2] }), { late: 'park' })`,
  `sold.update(ask, ({ data }) => ({ workflowId: data.id, args: [data.id] }), { ...limits, refused: 'park' })`,
  `sold.updateWithStart(bare, ask, ({ data }) => ({ workflowId: data.id, args: [], updateArgs: [data.id] }), { late: 'acknowledge', refused: 'acknowledge' })`,
  `sold.inbox(({ data }) => data.id, { early: 0, late: followUp(sale, ({ data }) => ({ workflowId: data.id, args: [data.id, data.count] })) })`,
  `sold.ignore()`,
  `on('shop', 'Sold', schema, { when: ({ data }) => data.count > 1 }).ignore()`,
  `on('shop', 'Sold', schema, { namespace: 'retail', taskQueue: 'urgent' }).start(bare, ({ id }) => ({ workflowId: id, args: [] }))`,
];

interface Mistake {
  readonly snippet: string;
  /** What the compiler has to say. */
  readonly complaint: RegExp;
}

const NOT_ASSIGNABLE = /not assignable to type/;

const REFUSED: Readonly<Record<string, readonly Mistake[]>> = {
  "arguments that are not the workflow's": [
    {
      snippet: `sold.start(sale, ({ data }) => ({ workflowId: data.id, args: [data.count, data.id] }))`,
      complaint: /'number' is not assignable to type 'string'/,
    },
    {
      snippet: `sold.start(sale, ({ data }) => ({ workflowId: data.id, args: [data.id] }))`,
      complaint: NOT_ASSIGNABLE,
    },
    {
      snippet: `sold.start(bare, ({ data }) => ({ workflowId: data.id, args: [data.id] }))`,
      complaint: NOT_ASSIGNABLE,
    },
    {
      snippet: `sold.start(sale, ({ data }) => ({ workflowId: data.id }))`,
      complaint: /'args' is missing/,
    },
    {
      snippet: `sold.signalWithStart(sale, add, ({ data }) => ({ workflowId: data.id, args: [1, 1], signalArgs: [data.id, 2] }), { late: 'park' })`,
      complaint: /'number' is not assignable to type 'string'/,
    },
    {
      snippet: `sold.updateWithStart(bare, ask, ({ data }) => ({ workflowId: data.id, args: [1], updateArgs: [data.id] }), { late: 'park', refused: 'park' })`,
      complaint: NOT_ASSIGNABLE,
    },
    {
      snippet: `sold.inbox(({ data }) => data.id, { early: 0, late: followUp(sale, () => ({ workflowId: 'w', args: ['a', 'b'] })) })`,
      complaint: /'string' is not assignable to type 'number'/,
    },
  ],
  "arguments that are not the signal's": [
    {
      snippet: `sold.signal(add, ({ data }) => ({ workflowId: data.id, args: [data.id, data.id] }), limits)`,
      complaint: /'string' is not assignable to type 'number'/,
    },
    {
      snippet: `sold.signal(add, ({ data }) => ({ workflowId: data.id, args: [] }), limits)`,
      complaint: NOT_ASSIGNABLE,
    },
    {
      snippet: `sold.signalWithStart(bare, add, ({ data }) => ({ workflowId: data.id, args: [], signalArgs: [data.id] }), { late: 'park' })`,
      complaint: NOT_ASSIGNABLE,
    },
    {
      snippet: `sold.signal(ask, ({ data }) => ({ workflowId: data.id, args: [data.id] }), limits)`,
      complaint: /'UpdateDefinition/,
    },
  ],
  "arguments that are not the update's": [
    {
      snippet: `sold.update(ask, ({ data }) => ({ workflowId: data.id, args: [data.count] }), { ...limits, refused: 'park' })`,
      complaint: /'number' is not assignable to type 'string'/,
    },
    {
      snippet: `sold.updateWithStart(bare, ask, ({ data }) => ({ workflowId: data.id, args: [], updateArgs: [] }), { late: 'park', refused: 'park' })`,
      complaint: NOT_ASSIGNABLE,
    },
  ],
  'fields that the schema does not have, or of another type': [
    { snippet: `sold.inbox(({ data }) => data.orderId, limits)`, complaint: /'orderId' does not/ },
    { snippet: `sold.inbox(({ data }) => data.count, limits)`, complaint: NOT_ASSIGNABLE },
    {
      snippet: `on('shop', 'Sold', schema, { when: ({ data }) => data.orderId !== '' }).ignore()`,
      complaint: /'orderId' does not/,
    },
    {
      snippet: `sold.inbox(({ data }) => data.id, { early: 0, late: followUp(bare, (event: { data: { orderId: string } }) => ({ workflowId: event.data.orderId, args: [] })) })`,
      complaint: /'orderId'/,
    },
  ],
  'what leaves out what becomes of an event': [
    { snippet: `sold.inbox(({ data }) => data.id, { late: 'park' })`, complaint: /'early'/ },
    { snippet: `sold.inbox(({ data }) => data.id, { early: '1h' })`, complaint: /'late'/ },
    {
      snippet: `sold.signal(add, ({ data }) => ({ workflowId: data.id, args: [data.id, 1] }), { late: 'park' })`,
      complaint: /'early'/,
    },
    {
      snippet: `sold.signal(add, ({ data }) => ({ workflowId: data.id, args: [data.id, 1] }), { early: '1h' })`,
      complaint: /'late'/,
    },
    {
      snippet: `sold.signalWithStart(bare, add, ({ data }) => ({ workflowId: data.id, args: [], signalArgs: [data.id, 2] }), {})`,
      complaint: /'late'/,
    },
    {
      snippet: `sold.update(ask, ({ data }) => ({ workflowId: data.id, args: [data.id] }), limits)`,
      complaint: /'refused'/,
    },
    {
      snippet: `sold.updateWithStart(bare, ask, ({ data }) => ({ workflowId: data.id, args: [], updateArgs: [data.id] }), { late: 'park' })`,
      complaint: /'refused'/,
    },
  ],
  'policies and options that do not exist': [
    {
      snippet: `sold.inbox(({ data }) => data.id, { early: '1h', late: 'ignore' })`,
      complaint: /'"ignore"' is not assignable/,
    },
    {
      snippet: `sold.update(ask, ({ data }) => ({ workflowId: data.id, args: [data.id] }), { ...limits, refused: 'retry' })`,
      complaint: /'"retry"' is not assignable/,
    },
    {
      snippet: `on('shop', 'Sold', schema, { queue: 'urgent' }).ignore()`,
      complaint: /'queue' does not exist/,
    },
    {
      snippet: `on('shop', 'Sold', schema, { taskQueue: 5 }).ignore()`,
      complaint: NOT_ASSIGNABLE,
    },
    {
      snippet: `sold.signalWithStart(bare, add, ({ data }) => ({ workflowId: data.id, args: [], signalArgs: [data.id, 2] }), { early: '1h', late: 'park' })`,
      complaint: /'early' does not exist/,
    },
  ],
};

describe("the types of a route, to the bridge's users,", function () {
  this.timeout(180_000);
  const snippets = [
    ...ACCEPTED,
    ...Object.values(REFUSED).flatMap((mistakes) => mistakes.map(({ snippet }) => snippet)),
  ];
  let output: string;

  // One run of the compiler over a file for each snippet.
  before(async () => {
    await mkdir(join(PROJECT, '.waybill'), { recursive: true });
    const folder = await mkdtemp(join(PROJECT, '.waybill/types-'));
    const write = (file: string, text: string) => writeFile(join(folder, file), text);
    try {
      await write('tsconfig.json', '{ "extends": "../../tsconfig.json", "include": ["*.ts"] }');
      await write('context.ts', CONTEXT);
      await Promise.all(
        snippets.map((snippet, index) =>
          write(`snippet${index}.ts`, `${HEAD}export const route: Route = ${snippet};\n`),
        ),
      );
      const tsc = join(PROJECT, 'node_modules/.bin/tsc');
      output = await run(tsc, ['-p', folder, '--pretty', 'false'], { cwd: PROJECT }).then(
        ({ stdout }) => stdout,
        (error: { readonly stdout: string }) => error.stdout,
      );
    } finally {
      await rm(folder, { recursive: true });
    }
    assert.doesNotMatch(output, /context\.ts|tsconfig\.json|^error/m);
  });

  /** What the compiler says of a snippet, its indented explanations with it. */
  function complaintOf(snippet: string): string {
    const file = `snippet${snippets.indexOf(snippet)}.ts`;
    return output
      .split(/\n(?! )/)
      .filter((complaint) => complaint.includes(`/${file}(`))
      .join('\n');
  }

  describe('accept', () => {
    for (const snippet of ACCEPTED) {
      it(snippet, () => assert.equal(complaintOf(snippet), ''));
    }
  });
  for (const [kind, mistakes] of Object.entries(REFUSED)) {
    describe(`refuse ${kind}`, () => {
      for (const { snippet, complaint } of mistakes) {
        it(snippet, () => assert.match(complaintOf(snippet), complaint));
      }
    });
  }
});
