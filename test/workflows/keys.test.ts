import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { KeyRing } from '../support/keyRing.ts';
import { event, PARCEL, type OrderHandle, type OrderService } from '../support/orderService.ts';
import { fulfilling, withOrderService } from '../support/orders.ts';
import { eventually } from '../support/servers.ts';

describe('an order whose history is encrypted (FAULTS 32)', () => {
  const clients = new KeyRing();
  const workers = new KeyRing();
  const [old, fresh, unknown] = [randomBytes(32), randomBytes(32), randomBytes(32)] as const;
  for (const ring of [clients, workers]) ring.add('old', old);
  let service: OrderService;
  withOrderService((started) => (service = started), {
    client: { dataConverter: { payloadCodecs: [clients] } },
    // Nothing cached: each workflow task reads the history from its beginning.
    worker: { dataConverter: { payloadCodecs: [workers] }, maxCachedWorkflows: 0 },
  });

  async function failedTasks(handle: OrderHandle): Promise<readonly string[]> {
    const { events } = await handle.fetchHistory();
    return (events ?? []).flatMap(({ workflowTaskFailedEventAttributes: failed }) =>
      failed ? [failed.failure?.message ?? ''] : [],
    );
  }

  it('goes on over a rotation of the key, waits while one is missing, and ends as if nothing had been', async () => {
    const handle = await service.place();
    await service.until(handle, fulfilling);
    const written = historyToJSON(await handle.fetchHistory());
    assert.doesNotMatch(written, /customer-1|pm_card_visa/);
    const plain = Buffer.from('"customer-1"').toString('base64').replace(/=+$/, '');
    assert.ok(!written.includes(plain));

    for (const ring of [workers, clients]) ring.add('fresh', fresh);
    await service.send(handle, event(handle, 'ShipmentDispatched', PARCEL));
    await service.until(handle, ({ state }) => state === 'shipped');
    assert.deepEqual(await failedTasks(handle), []);

    clients.add('unknown', unknown);
    await service.send(handle, event(handle, 'ShipmentDelivered', PARCEL));
    await eventually(async () => (await failedTasks(handle)).length > 0, { within: 20_000 });
    assert.match((await failedTasks(handle)).join(), /there is no key unknown/);
    assert.equal((await handle.describe()).status.name, 'RUNNING');

    workers.add('unknown', unknown);
    const { state, events } = await handle.result();
    assert.equal(state, 'closed');
    assert.deepEqual(
      events.map(({ type, outcome }) => `${type} ${outcome}`),
      ['ShipmentDispatched applied', 'ShipmentDelivered applied'],
    );
  });
});
