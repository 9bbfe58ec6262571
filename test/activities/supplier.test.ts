import assert from 'node:assert/strict';
import { json } from 'node:stream/consumers';
import { createSupplier } from '../../src/activities/supplier.ts';
import { startTestProvider, type TestProvider } from '../support/provider.ts';
import { Remotes } from '../support/remotes.ts';
import { uniqueId } from '../support/servers.ts';

describe('the supplier', () => {
  let sandbox: TestProvider;
  const remotes = new Remotes();

  before(async () => {
    sandbox = await startTestProvider();
  });
  after(() => sandbox.close());
  afterEach(() => remotes.close());

  const orderOf = (quantity = 40) => ({
    reference: `restock:record/${uniqueId('order')}`,
    sku: 'record',
    quantity,
  });
  const supplier = (timeoutMs = 5_000) =>
    createSupplier({ url: `${sandbox.url}/supplier`, timeoutMs });
  const known = (reference: string) => sandbox.ledger.supplierOrders.get(reference);

  async function failOnce(fault: 'error' | 'hang' | 'drop'): Promise<void> {
    const response = await fetch(`${sandbox.url}/supplier/sandbox/faults`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ fault, times: 1 }),
    });
    assert.equal(response.status, 200);
  }

  it('sends what is wanted, and no more', async () => {
    let seen: unknown;
    const url = await remotes.serve((request, response) => {
      void json(request).then((body) => {
        seen = { method: request.method, url: request.url, body };
        response.end('{"supplierOrderId":"SO-7","price":1200}');
      });
    });
    const { orderFromSupplier } = createSupplier({ url });
    const answer = await orderFromSupplier({ reference: 'restock:a/1', sku: 'a', quantity: 3 });
    assert.deepEqual(answer, { supplierOrderId: 'SO-7' });
    assert.deepEqual(seen, {
      method: 'PUT',
      url: '/orders/restock%3Aa%2F1',
      body: { sku: 'a', quantity: 3 },
    });
  });

  it('is sent one order for a reference, however many ask at the same time (FAULTS 18)', async () => {
    const order = orderOf();
    const { orderFromSupplier } = supplier();
    const answers = await Promise.all(Array.from({ length: 20 }, () => orderFromSupplier(order)));
    const { supplierOrderId, sku, quantity } = known(order.reference) ?? {};
    assert.deepEqual([sku, quantity], ['record', 40]);
    assert.equal(new Set(answers.map((answer) => answer.supplierOrderId)).size, 1);
    assert.equal(answers[0]?.supplierOrderId, supplierOrderId);
    assert.notDeepEqual(await orderFromSupplier(orderOf()), answers[0]);
  });

  for (const [fault, error] of [
    ['hang', { name: 'TimeoutError' }],
    ['drop', { name: 'TypeError' }],
  ] as const) {
    it(`has taken the order once where its first answer was lost: ${fault} (FAULTS 22)`, async () => {
      const order = orderOf();
      await failOnce(fault);
      await assert.rejects(supplier(500).orderFromSupplier(order), error);
      const taken = known(order.reference)?.supplierOrderId;
      assert.ok(taken);
      assert.deepEqual(await supplier().orderFromSupplier(order), { supplierOrderId: taken });
    });
  }

  it('is asked again after every refusal, until somebody has mended its cause', async () => {
    const order = orderOf();
    const { orderFromSupplier } = supplier();
    await failOnce('error');
    await assert.rejects(orderFromSupplier(order), /^Error: supplier answered 500: /);
    assert.equal(known(order.reference), undefined);
    await orderFromSupplier(order);
    await assert.rejects(orderFromSupplier({ ...order, quantity: 41 }), {
      name: 'RefusedError',
      code: 'reference-reused',
    });
    assert.equal(known(order.reference)?.quantity, 40);
  });

  for (const body of ['{}', '{"supplierOrderId":7}', '{"supplierOrderId":"a b"}', 'SO-7', '']) {
    it(`gives no order by ${body || 'nothing'}`, async () => {
      const url = await remotes.serve((_request, response) => response.end(body));
      await assert.rejects(createSupplier({ url }).orderFromSupplier(orderOf()), {
        message: `supplier answered no order: ${body}`,
      });
    });
  }

  it('sends nobody on to somebody else', async () => {
    let told = 0;
    const other = await remotes.serve((_request, response) => {
      told += 1;
      response.end('{"supplierOrderId":"SO-7"}');
    });
    const url = await remotes.serve((request, response) =>
      response.writeHead(307, { location: `${other}${request.url}` }).end(),
    );
    await assert.rejects(createSupplier({ url }).orderFromSupplier(orderOf()), TypeError);
    assert.equal(told, 0);
  });
});
