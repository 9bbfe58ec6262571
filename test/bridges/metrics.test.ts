import assert from 'node:assert/strict';
import { metrics } from '@opentelemetry/api';
import {
  DataPointType,
  MeterProvider,
  MetricReader,
  type Histogram,
} from '@opentelemetry/sdk-metrics';
import { Client, Connection } from '@temporalio/client';
import { z } from 'zod';
import { freePort } from '../../dev/ports.ts';
import { bridge, on, workflowReference } from '../../src/bridges/index.ts';
import { createMetrics } from '../../src/bridges/metrics.ts';
import type { inboxWorkflow } from '../support/inboxWorkflow.ts';
import {
  capturingLogger,
  rawEvent,
  startBridgeStage,
  type BridgeStage,
  type TestQueue,
} from '../support/bridge.ts';
import { eventually, temporalAddress, uniqueId } from '../support/servers.ts';

/** Collects when it is asked to. */
class ManualReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

describe('the metrics of the bridge', () => {
  let stage: BridgeStage;
  let reader: ManualReader;
  let stopping: AbortController;

  before(async function () {
    this.timeout(180_000);
    stage = await startBridgeStage(temporalAddress());
  });
  after(() => stage.stop());

  beforeEach(() => {
    stopping = new AbortController();
    reader = new ManualReader();
    metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));
  });
  afterEach(async () => {
    // A test that fails would leave its bridge running.
    stopping.abort();
    metrics.disable();
    await reader.shutdown();
  });

  async function collect() {
    const { resourceMetrics, errors } = await reader.collect();
    assert.deepEqual(errors, []);
    const { metrics: found = [] } =
      resourceMetrics.scopeMetrics.find(({ scope }) => scope.name === 'waybill.bridge') ?? {};
    return found;
  }

  /** The values of each metric by its attributes, such as `queue=q outcome=delivered`; of a histogram how many there are. */
  async function values(): Promise<Record<string, Record<string, number>>> {
    const found = await collect();
    return Object.fromEntries(
      found.map(({ descriptor, dataPointType, dataPoints }) => [
        descriptor.name.replace(/^waybill\.bridge\./, ''),
        Object.fromEntries(
          dataPoints.map(({ attributes, value }) => [
            Object.entries(attributes)
              .map(([key, each]) => `${key}=${String(each)}`)
              .toSorted()
              .join(' '),
            dataPointType === DataPointType.HISTOGRAM
              ? (value as Histogram).count
              : (value as number),
          ]),
        ),
      ]),
    );
  }

  const nameOf = ({ url }: TestQueue) => String(url.split('/').at(-1));

  /** A bridge of one queue with a client of its own. */
  function startBridge(queue: TestQueue, client: Client) {
    const { logger, lines } = capturingLogger();
    const running = bridge({
      queueUrls: [queue.url],
      routes: [
        on('test', 'Begin', z.object({ id: z.string() })).start(
          workflowReference<typeof inboxWorkflow>('inboxWorkflow', stage.taskQueue),
          ({ data: { id } }) => ({ workflowId: id, args: [] }),
        ),
      ],
      client,
      sqs: stage.sqs,
      logger,
      graceSeconds: 0,
    }).run(stopping.signal);
    return {
      lines,
      stop: async () => {
        stopping.abort();
        await running;
      },
    };
  }

  it('have names, units and descriptions, and look at the bridge until it ends', async () => {
    const observed = createMetrics();
    observed.received('q', 10);
    observed.settled('q', 'start', 'delivered');
    observed.parked('q', 'late');
    observed.called('inbox', 250, 3);
    const lags = [
      { queue: 'q', seconds: 1.5 },
      { queue: 'r', seconds: 0 },
    ];
    let looked = 0;
    const stop = observed.observe(() => {
      looked += 1;
      return { inHand: 7, calls: 5, limit: 20, isOpen: true, lags };
    });
    const found = await collect();
    assert.deepEqual(
      found.map(({ descriptor: { name, unit } }) => `${name} ${unit}`),
      [
        'waybill.bridge.received {message}',
        'waybill.bridge.delivered {event}',
        'waybill.bridge.settled {event}',
        'waybill.bridge.parked {event}',
        'waybill.bridge.delivery.duration s',
        'waybill.bridge.in_flight {message}',
        'waybill.bridge.calls {call}',
        'waybill.bridge.limit {call}',
        'waybill.bridge.breaker.open ',
        'waybill.bridge.lag s',
      ],
    );
    for (const { descriptor } of found) assert.notEqual(descriptor.description, '');
    assert.deepEqual(await values(), {
      received: { 'queue=q': 10 },
      delivered: { 'operation=inbox': 3 },
      settled: { 'operation=start outcome=delivered queue=q': 1 },
      parked: { 'code=late queue=q': 1 },
      'delivery.duration': { 'operation=inbox': 1 },
      in_flight: { '': 7 },
      calls: { '': 5 },
      limit: { '': 20 },
      'breaker.open': { '': 1 },
      lag: { 'queue=q': 1.5, 'queue=r': 0 },
    });
    const duration = found.find(({ descriptor }) => descriptor.name.endsWith('duration'));
    const histogram = duration?.dataPoints[0]?.value as Histogram | undefined;
    assert.ok(histogram);
    const { sum, buckets } = histogram;
    assert.equal(sum, 0.25);
    // A delivery takes milliseconds: the SDK's own boundaries are for milliseconds too, and would tell nothing in seconds.
    assert.equal(buckets.boundaries[0], 0.002);
    assert.equal(buckets.boundaries.at(-1), 10);
    const lookedBefore = looked;
    stop();
    await collect();
    assert.equal(looked, lookedBefore);
  });

  it('count what is received, delivered, duplicate, parked and released', async () => {
    const queue = await stage.createQueue();
    const started = stage.startBridge([queue]);
    const id = uniqueId('order');
    const settle = async (body: object | string) => {
      await stage.send(queue, body);
      await stage.untilEmpty(queue);
    };
    await settle(rawEvent('Begin', id, 'e-1'));
    await settle(rawEvent('Begin', id, 'e-2'));
    await settle(rawEvent('Begin', id, 'e-3', { note: 'other' }));
    await settle('{');
    await settle(rawEvent('Unknown', id, 'e-4'));
    await settle([rawEvent('Event', id, 'e-5'), rawEvent('Event', id, 'e-6')]);
    await stage.send(queue, rawEvent('Patient', uniqueId('order'), 'e-7'));
    await eventually(() => started.outcomes().includes('released early'));
    await started.stop();
    const name = nameOf(queue);
    // It may have come again before the stop.
    const released = started.outcomes().filter((outcome) => outcome.startsWith('released')).length;
    const { received, settled, parked, delivered, 'delivery.duration': duration } = await values();
    const calls = duration?.['operation=inbox'] ?? 0;
    assert.deepEqual(received, { [`queue=${name}`]: 6 + released });
    assert.deepEqual(settled, {
      [`operation=start outcome=delivered queue=${name}`]: 1,
      [`operation=start outcome=duplicate queue=${name}`]: 1,
      [`operation=start outcome=parked queue=${name}`]: 1,
      [`operation=unread outcome=parked queue=${name}`]: 2,
      [`operation=inbox outcome=delivered queue=${name}`]: 2,
      [`operation=inbox outcome=released queue=${name}`]: released,
    });
    assert.deepEqual(parked, {
      [`code=conflict queue=${name}`]: 1,
      [`code=malformed queue=${name}`]: 1,
      [`code=unknown-type queue=${name}`]: 1,
    });
    assert.deepEqual(delivered, { 'operation=start': 3, 'operation=inbox': 2 + released });
    assert.equal(duration?.['operation=start'], 3);
    assert.ok(calls > released && calls <= 2 + released, `${calls} calls`);
  });

  it('show what is in hand while it is', async () => {
    const queue = await stage.createQueue();
    const gate = Promise.withResolvers<void>();
    const client = new Client({
      connection: stage.client.connection,
      interceptors: {
        workflow: [
          {
            async startWithDetails(input, next) {
              await gate.promise;
              return await next(input);
            },
          },
        ],
      },
    });
    const { lines, stop } = startBridge(queue, client);
    await eventually(() => lines('ready').length > 0);
    const name = nameOf(queue);
    const idle = {
      in_flight: { '': 0 },
      calls: { '': 0 },
      limit: { '': 10 },
      'breaker.open': { '': 0 },
      lag: { [`queue=${name}`]: 0 },
    };
    assert.deepEqual(await values(), idle);
    await stage.send(queue, rawEvent('Begin', uniqueId('order'), 'e-1'));
    await stage.send(queue, rawEvent('Begin', uniqueId('order'), 'e-2'));
    const { lag, ...busy } = await eventually(async () => {
      const now = await values();
      return now['in_flight']?.[''] === 2 && Number(now['lag']?.[`queue=${name}`]) > 0.2 && now;
    });
    assert.deepEqual(busy, {
      received: { [`queue=${name}`]: 2 },
      in_flight: { '': 2 },
      calls: { '': 2 },
      limit: { '': 10 },
      'breaker.open': { '': 0 },
    });
    assert.ok(Number(lag?.[`queue=${name}`]) < 30);
    gate.resolve();
    await stage.untilEmpty(queue);
    await eventually(async () => (await values())['in_flight']?.[''] === 0);
    const { in_flight, calls, 'breaker.open': open, lag: after } = await values();
    assert.deepEqual(
      { in_flight, calls, limit: idle.limit, 'breaker.open': open, lag: after },
      idle,
    );
    await stop();
  });

  it('show that the breaker is open while Temporal is away', async () => {
    const queue = await stage.createQueue();
    const connection = Connection.lazy({
      address: `127.0.0.1:${await freePort()}`,
      interceptors: [],
    });
    const { lines, stop } = startBridge(queue, new Client({ connection }));
    await eventually(() => lines('ready').length > 0);
    assert.deepEqual((await values())['breaker.open'], { '': 0 });
    await stage.send(queue, rawEvent('Begin', uniqueId('order'), 'e-1'));
    await eventually(() => lines('breaker open').length > 0);
    const { 'breaker.open': open, in_flight, settled } = await values();
    assert.deepEqual([open, in_flight, settled], [{ '': 1 }, { '': 1 }, undefined]);
    await stop();
    const name = nameOf(queue);
    assert.deepEqual((await values())['settled'], {
      [`operation=start outcome=released queue=${name}`]: 1,
    });
    await connection.close();
  });
});
