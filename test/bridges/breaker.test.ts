import assert from 'node:assert/strict';
import { ReceiveMessageCommand, type ReceiveMessageCommandOutput } from '@aws-sdk/client-sqs';
import { createBreaker } from '../../src/bridges/breaker.ts';
import {
  capturingLogger,
  rawEvent,
  startBridgeStage,
  type BridgeStage,
} from '../support/bridge.ts';
import { startOwnTemporal, type OwnTemporal } from '../support/ownTemporal.ts';
import { eventually, uniqueId } from '../support/servers.ts';

describe('the breaker', () => {
  it('is open from its first trip until a probe succeeds, and says so once', async () => {
    const { logger, lines } = capturingLogger();
    let isUp = false;
    let probes = 0;
    let shut = 0;
    const breaker = createBreaker({
      probe: () => {
        probes += 1;
        return isUp ? Promise.resolve() : Promise.reject(new Error('down'));
      },
      onShut: () => void (shut += 1),
      logger,
      signal: new AbortController().signal,
    });
    assert.equal(breaker.isOpen, false);
    breaker.trip('unavailable', 'connection refused');
    breaker.trip('denied', 'no permission');
    assert.equal(breaker.isOpen, true);
    await eventually(() => probes >= 2);
    assert.equal(breaker.isOpen, true);
    isUp = true;
    await eventually(() => !breaker.isOpen);
    assert.deepEqual(
      lines('breaker open').map(({ code }) => code),
      ['unavailable'],
    );
    assert.equal(lines('breaker shut').length, 1);
    assert.equal(shut, 1);
    breaker.trip('unavailable', 'again');
    assert.equal(breaker.isOpen, true);
    await eventually(() => !breaker.isOpen);
  });

  it('stays open when the bridge stops: what is in hand is given back, not tried', async () => {
    const { logger } = capturingLogger();
    const stopping = new AbortController();
    let probes = 0;
    const breaker = createBreaker({
      probe: async () => void (probes += 1),
      onShut: () => assert.fail('it was shut'),
      logger,
      signal: stopping.signal,
    });
    breaker.trip('unavailable', 'connection refused');
    stopping.abort();
    await new Promise(setImmediate);
    assert.equal(breaker.isOpen, true);
    assert.equal(probes, 0);
  });
});

describe('the bridge, when Temporal goes away (FAULTS 2)', function () {
  this.timeout(180_000);
  let temporal: OwnTemporal;
  let stage: BridgeStage;

  before(async () => {
    temporal = await startOwnTemporal();
    stage = await startBridgeStage(temporal.address);
  });

  after(async () => {
    await stage.stop();
    await temporal.stop();
  });

  it('stops receiving, parks nothing, and delivers everything when it is back', async () => {
    const standard = await stage.createQueue();
    const fifo = await stage.createQueue({ fifo: true });
    const target = uniqueId('order');
    await stage.begin(target);
    const sqs = stage.createSqs();
    const receives = new Map<string, number>();
    sqs.middlewareStack.add(
      (next, context) => async (args) => {
        const answer = await next(args);
        if (context['commandName'] === ReceiveMessageCommand.name) {
          const { Messages = [] } = answer.output as ReceiveMessageCommandOutput;
          for (const { MessageId = '' } of Messages) {
            receives.set(MessageId, (receives.get(MessageId) ?? 0) + 1);
          }
        }
        return answer;
      },
      { step: 'initialize' },
    );

    await temporal.server.kill();
    const ids = Array.from({ length: 30 }, () => uniqueId('order'));
    await stage.sendAll(
      standard,
      ids.map((id) => rawEvent('Begin', id, id)),
    );
    const events = ['e-1', 'e-2', 'e-3'];
    for (const eventId of events) {
      await stage.send(fifo, rawEvent('Event', target, eventId), { MessageGroupId: 'g' });
    }
    const bridge = stage.startBridge([standard, fifo], { sqs });
    await eventually(() => bridge.lines('breaker open').length > 0);
    assert.deepEqual(bridge.outcomes(), []);
    await temporal.server.start();
    await stage.untilEmpty(standard, 30_000);
    await stage.untilEmpty(fifo, 30_000);
    await stage.untilApplied(target, events);

    assert.equal(receives.size, 33);
    assert.deepEqual(new Set(receives.values()), new Set([1]));
    assert.equal(bridge.lines('breaker open').length, 1);
    assert.equal(bridge.lines('breaker shut').length, 1);
    assert.deepEqual(new Set(bridge.outcomes()), new Set(['delivered']));
    await stage.parked(standard, 0);
    await stage.parked(fifo, 0);
    for (const id of ids) await stage.client.workflow.getHandle(id).describe();
    await bridge.stop();
    sqs.destroy();
  });
});
