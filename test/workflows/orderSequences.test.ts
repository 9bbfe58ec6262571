import assert from 'node:assert/strict';
import type { WorkflowBundleWithSourceMap } from '@temporalio/worker';
import fc from 'fast-check';
import { fetchHistories } from '../../src/console/histories.ts';
import { replayHistories } from '../../src/console/replay.ts';
import { createTelemetry } from '../../src/platform/telemetry.ts';
import { bundleWorkflows } from '../../src/platform/workflowBundle.ts';
import { assertAddsUp, auditOf } from '../support/orderInvariants.ts';
import { orderSequence, type OrderSequence } from '../support/orderSequences.ts';
import type { OrderService } from '../support/orderService.ts';
import { withOrderService } from '../support/orders.ts';
import { runSequence, type Ended } from '../support/sequenceRunner.ts';

// More runs take longer. A failure says what finds it again.
const { WAYBILL_SEQUENCE_RUNS: RUNS = '9', WAYBILL_SEQUENCE_REPLAY: REPLAY } = process.env;
/** How many orders are under way at a time: a run has one sequence for each. */
const AT_ONCE = 6;

describe('an order that anything may happen to', () => {
  let service: OrderService;
  let workflowBundle: WorkflowBundleWithSourceMap;
  withOrderService((started) => (service = started), { stripeTimeoutMs: 1_500 });
  before(async () => {
    workflowBundle = await bundleWorkflows();
  });

  async function runAll(sequences: readonly OrderSequence[]): Promise<void> {
    const runs = await Promise.allSettled(sequences.map((each) => runSequence(service, each)));
    const ended = runs.flatMap((run, index) =>
      run.status === 'fulfilled' ? run.value : fail(sequences[index], run.reason),
    );
    const known = { ...(await service.lookAtAll()), provider: service.provider };
    for (const each of ended) {
      try {
        assertAddsUp(each, known);
      } catch (error) {
        const row = known.stored.orders.find(({ workflowId }) => workflowId === each.orderKey);
        fail(each.sequence, error, row);
      }
    }
    const [disagreement] = auditOf(ended, known);
    if (disagreement) {
      const { subject, says } = disagreement;
      const its = ended.find(({ orderKey }) => orderKey === subject)?.sequence;
      fail(its ?? sequences, `${subject}: ${says}`);
    }
    await replay(ended);
  }

  /** What happened live must come out of the histories again: a worker that goes on with one has nothing else. */
  async function replay(ended: readonly Ended[]): Promise<void> {
    const workflows = ended.flatMap(({ sequence, orderKey, returns }) =>
      [orderKey, ...returns.map(({ returnKey }) => returnKey)].map((id) => ({ id, sequence })),
    );
    const query = workflows.map(({ id }) => `WorkflowId = "${id}"`).join(' OR ');
    const histories = fetchHistories(service.client, query);
    const worker = { workflowBundle, plugins: [createTelemetry()] };
    for await (const { name, error } of replayHistories(histories, worker)) {
      const { sequence } = workflows.find(({ id }) => name.startsWith(`${id} `)) ?? {};
      if (error !== null) fail(sequence, `${name}: ${error}`);
    }
  }

  it('adds up to the cent, the piece and the event, and ends as the business allows', async function () {
    this.timeout(Number(RUNS) * 60_000);
    const [seed, path] = REPLAY?.split('/') ?? [];
    const details = await fc.check(
      fc.asyncProperty(fc.array(orderSequence, { minLength: AT_ONCE, maxLength: AT_ONCE }), runAll),
      {
        numRuns: Number(RUNS),
        ...(seed !== undefined && path !== undefined && { seed: Number(seed), path }),
        // What fails is not made smaller: each try would take seconds.
        endOnFailure: true,
      },
    );
    if (!details.failed) return;
    const replay = `WAYBILL_SEQUENCE_REPLAY=${details.seed}/${details.counterexamplePath}`;
    assert.ok(details.errorInstance instanceof Error);
    details.errorInstance.message += `\nRun it again with ${replay}`;
    throw details.errorInstance;
  });
});

function fail(
  sequence: OrderSequence | readonly OrderSequence[] | undefined,
  reason: unknown,
  row?: object,
): never {
  const of = JSON.stringify(sequence);
  throw new Error(
    `${String(reason)}\nin the sequence ${of}${row ? `\n${JSON.stringify(row, null, 1)}` : ''}`,
  );
}
