import assert from 'node:assert/strict';
import { misSent, type CarriedParcel } from '../../dev/feed/parcels.ts';
import type { Shipment } from '../../src/domain/shipment.ts';
import { KEY, row } from '../console/rows.ts';

describe('what the carrier has of the orders of a feed', () => {
  const delivered: Shipment = {
    shipmentId: '1',
    status: 'delivered',
    sellerId: 'seller-1',
    lines: [1, 2],
    carrier: 'post',
    trackingNumber: 'CX1',
    replaces: null,
  };
  const closed = row({ shipments: [delivered] });
  const pieces = [
    { sku: 'sleeve', quantity: 2 },
    { sku: 'record', quantity: 1 },
  ];
  const parcel = (change: Partial<CarriedParcel> = {}): CarriedParcel => ({
    reference: `${KEY}:1`,
    status: 'booked',
    pieces,
    ...change,
  });

  it('is what they sold, in however many parcels, and nothing of what was undone', () => {
    assert.deepEqual(misSent([closed], [parcel()]), []);
    const [one, other] = pieces.map((piece) => [piece]);
    const parts = [
      parcel({ pieces: one ?? [] }),
      parcel({ reference: `${KEY}:2`, pieces: other ?? [] }),
    ];
    assert.deepEqual(misSent([closed], parts), []);
    const undone = row({ state: 'refunded', shipments: [] });
    assert.deepEqual(misSent([undone], [parcel({ status: 'cancelled' })]), []);
    assert.deepEqual(misSent([undone], [parcel({ status: 'recalled' })]), []);
    assert.deepEqual(misSent([row({ state: 'fulfilling', shipments: [] })], [parcel()]), []);
  });

  it('is told where it is more, less or other', () => {
    const twice = [parcel(), parcel({ reference: `${KEY}:2` })];
    assert.deepEqual(misSent([closed], twice), [
      `${KEY}: the carrier has 2 record, 4 sleeve, expected 1 record, 2 sleeve`,
    ]);
    assert.match(misSent([closed], []).join(), /has nothing, expected 1 record, 2 sleeve/);
    const cancelled = [{ line: 2, step: 1, settled: true, reason: 'r', requestedBy: 'c' }];
    const inPart = row({ shipments: [delivered], cancelledLines: cancelled });
    assert.match(misSent([inPart], [parcel()]).join(), /2 sleeve, expected 1 record$/);
    const undone = row({ state: 'refunded', shipments: [] });
    assert.match(misSent([undone], [parcel({ status: 'collected' })]).join(), /expected nothing$/);
    assert.match(misSent([], [parcel()]).join(), /there is no such order$/);
  });

  it('is not judged where the carrier alone does not know what was sent', () => {
    const lost = { ...delivered, status: 'replaced' } as const;
    assert.deepEqual(misSent([row({ shipments: [lost, delivered] })], [parcel()]), []);
    const byHand = { ...delivered, carrier: null };
    assert.deepEqual(misSent([row({ shipments: [byHand] })], []), []);
  });
});
