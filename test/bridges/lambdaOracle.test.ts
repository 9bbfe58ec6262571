import assert from 'node:assert/strict';
import {
  BatchProcessor,
  EventType,
  processPartialResponse,
  SqsFifoPartialProcessorAsync,
} from '@aws-lambda-powertools/batch';
import { ServiceError } from '@temporalio/client';
import type { SQSRecord } from 'aws-lambda';
import fc from 'fast-check';
import { z } from 'zod';
import { createCore } from '../../src/bridges/core.ts';
import { on } from '../../src/bridges/index.ts';
import { lambdaHandler } from '../../src/bridges/lambda.ts';
import { createMetrics } from '../../src/bridges/metrics.ts';
import { createReader } from '../../src/bridges/reader.ts';
import { createScheduler } from '../../src/bridges/scheduler.ts';
import { createTemporal } from '../../src/bridges/temporal.ts';
import { signalReference, workflowReference } from '../../src/contracts/references.ts';
import { capturingLogger } from '../support/bridge.ts';
import { fakeClient, fakeSqs, inventedRecord, invocation } from '../support/lambda.ts';

/** What a record is and what comes of it: those that settle, and those that come again. */
const SETTLING = ['ignore', 'start', 'signal', 'inbox', 'malformed'] as const;
const FAILING = [
  'broken route',
  'start unexpected',
  'signal unexpected',
  'signal busy',
  'signal early',
  'inbox unexpected',
  'malformed unparkable',
] as const;

type Kind = (typeof SETTLING)[number] | (typeof FAILING)[number];

interface Case {
  readonly kind: Kind;
  readonly group: string | undefined;
  /** Two such events are more than one call to Temporal takes. */
  readonly isLarge: boolean;
}

function grpc(code: number, details: string): Error {
  const cause = Object.assign(new Error(details), { code, details, metadata: {} });
  return new ServiceError('Failed', { cause }).cause as Error;
}

const { client } = fakeClient((workflowId, payloads) => {
  if (workflowId.startsWith('signal busy')) throw grpc(3, 'exceeds the limit');
  if (workflowId.startsWith('signal early')) throw grpc(5, 'not found');
  if (`${workflowId} ${payloads}`.includes('unexpected')) throw grpc(13, 'internal');
});

const data = z.object({ to: z.string(), kind: z.string() });
const waits = { early: '1m', late: 'park' } as const;
const routes = [
  on('test', 'ignore', data).ignore(),
  on('test', 'start', data).start(workflowReference('w', 'q'), (event) => ({
    workflowId: event.data.to,
    args: [],
  })),
  on('test', 'signal', data).signal(
    signalReference('s'),
    (event) => ({ workflowId: event.data.to, args: [] }),
    waits,
  ),
  on('test', 'inbox', data).inbox((event) => event.data.to, waits),
  on('test', 'broken', data).inbox(() => {
    throw new Error('the route is broken');
  }, waits),
];

let last = 0;

function recordsOf(cases: readonly Case[]): SQSRecord[] {
  last += 1;
  const batch = last;
  return cases.map(({ kind, group, isLarge }, index) => {
    const id = `m-${batch}-${index}`;
    const [type] = kind.split(' ');
    // What a FIFO group has for one inbox goes together; elsewhere order would hold for the inbox too.
    const isShared = type === 'inbox' && group !== undefined;
    const to = isShared ? `inbox of ${batch} ${group}` : `${kind} ${id}`;
    const padding = isLarge ? 'x'.repeat(150_000) : '';
    const event = { source: 'test', type, eventId: id, data: { to, kind, padding } };
    return inventedRecord(id, type === 'malformed' ? kind : JSON.stringify(event), group);
  });
}

/** What AWS's own library answers for a handler that throws for these. */
async function oracle(records: SQSRecord[], cases: readonly Case[]): Promise<string[]> {
  const handle = async ({ messageId }: SQSRecord) => {
    const index = records.findIndex((record) => record.messageId === messageId);
    if (isFailing(cases[index])) throw new Error('fails');
  };
  const { batchItemFailures } =
    cases[0]?.group === undefined
      ? await processPartialResponse(
          { Records: records },
          handle,
          new BatchProcessor(EventType.SQS),
          { throwOnFullBatchFailure: false },
        )
      : await processPartialResponse(
          { Records: records },
          handle,
          new SqsFifoPartialProcessorAsync(),
          { skipGroupOnError: true, throwOnFullBatchFailure: false },
        );
  const failures = batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
  // Those of a standard queue come in no order.
  return cases[0]?.group === undefined ? failures.toSorted() : failures;
}

function isFailing(each: Case | undefined): boolean {
  return FAILING.some((kind) => kind === each?.kind);
}

const kind = fc.oneof(fc.constantFrom<Kind>(...SETTLING), fc.constantFrom<Kind>(...FAILING));
const batch = (group: fc.Arbitrary<string | undefined>) =>
  fc.array(fc.record({ kind, group, isLarge: fc.boolean() }), { minLength: 1, maxLength: 10 });
const fifo = batch(fc.constantFrom('a', 'b', 'c'));
const standard = batch(fc.constant(undefined));
const RUNS = { numRuns: 150 };

describe('a batch of which some fail', () => {
  const { logger } = capturingLogger();
  const { setInterval } = globalThis;

  // A handler has no end: its scheduler's timer would keep the run alive.
  before(() => {
    globalThis.setInterval = ((...args: Parameters<typeof setInterval>) =>
      setInterval(...args).unref()) as typeof setInterval;
  });
  after(() => {
    globalThis.setInterval = setInterval;
  });

  const { sqs } = fakeSqs((command, input) =>
    command === 'SendMessageCommand' && JSON.stringify(input).includes('unparkable')
      ? Promise.reject(new Error('SQS is away'))
      : undefined,
  );
  const handler = lambdaHandler({ routes, connect: () => Promise.resolve(client), sqs, logger });

  async function answer(records: SQSRecord[]): Promise<string[]> {
    const { batchItemFailures } = await handler({ Records: records }, invocation(20));
    return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
  }

  /** What the core leaves in the queue of messages that are handed in at once. */
  async function leave(records: SQSRecord[]): Promise<string[]> {
    const metrics = createMetrics();
    const { signal } = new AbortController();
    const scheduler = createScheduler({
      temporal: createTemporal(client),
      logger,
      metrics,
      startsPerSecond: undefined,
      hasBacklog: () => false,
      ending: signal,
      stopping: signal,
    });
    const core = createCore({ read: createReader(routes), scheduler, logger, metrics });
    const settled = new Set<string>();
    const until = Date.now() + 30_000;
    await Promise.all(
      records.map(({ messageId, body, attributes }) =>
        core.handle(
          {
            queue: 'queue',
            messageId,
            body,
            group: attributes.MessageGroupId ?? null,
            firstReceivedAt: Date.now(),
            trace: {},
            parkedBefore: null,
            lease: { until, cap: until },
          },
          async ({ kind: settlement }) => {
            if (settlement === 'park' && body.includes('unparkable')) throw new Error('SQS');
            if (settlement === 'delete' || settlement === 'park') settled.add(messageId);
          },
        ),
      ),
    );
    scheduler.close();
    return records.flatMap(({ messageId }) => (settled.has(messageId) ? [] : [messageId]));
  }

  it('does not let an event overtake the one before it for the same inbox that comes again', async () => {
    const records = recordsOf([
      { kind: 'inbox unexpected', group: 'a', isLarge: true },
      { kind: 'inbox', group: 'a', isLarge: true },
    ]);
    const failures = records.map(({ messageId }) => messageId);
    assert.deepEqual(await answer(records), failures);
    assert.deepEqual(await leave(records), failures);
  });

  for (const [name, batches] of Object.entries({ FIFO: fifo, standard })) {
    it(`has the failures that Powertools names, in their order, on a ${name} queue`, async () => {
      await fc.assert(
        fc.asyncProperty(batches, async (cases) => {
          const records = recordsOf(cases);
          assert.deepEqual(await answer(records), await oracle(records, cases));
        }),
        RUNS,
      );
    });

    it(`leaves those in a ${name} queue that is polled`, async () => {
      await fc.assert(
        fc.asyncProperty(batches, async (cases) => {
          const records = recordsOf(cases);
          assert.deepEqual(await leave(records), await oracle(records, cases));
        }),
        RUNS,
      );
    });
  }
});
