import assert from 'node:assert/strict';
import { describeTimeline } from '../../src/console/orderTimeline.ts';
import type { TimelineEntry } from '../../src/contracts/timeline.ts';

const PLACED = Date.parse('2026-11-21T12:00:00.000Z');

type Told = Partial<TimelineEntry> & Pick<TimelineEntry, 'kind' | 'name'>;

/** What is told of one thing, so many milliseconds after the order was placed. */
type Moment = readonly [after: number, entry: Told];

function entries(...told: readonly Moment[]) {
  return told.map(([after, entry], index): TimelineEntry => ({
    n: index + 1,
    at: new Date(PLACED + after).toISOString(),
    outcome: null,
    reason: null,
    by: null,
    took: null,
    ...entry,
  }));
}

const tell = (...told: readonly Moment[]) =>
  describeTimeline({ placedAt: new Date(PLACED).toISOString(), timeline: entries(...told) });

describe('the timeline of an order in a terminal', () => {
  it('says which event, which decision, which effect, and how long', () => {
    assert.deepEqual(
      tell(
        [0, { kind: 'state', name: 'received' }],
        [300, { kind: 'step', name: 'reserve-stock', outcome: 'reserved', took: 120 }],
        [400, { kind: 'step', name: 'authorise-payment', outcome: 'authorised', took: 300 }],
        [401, { kind: 'state', name: 'fulfilling' }],
        [
          63_000,
          {
            kind: 'event',
            name: 'ShipmentDispatched',
            outcome: 'applied',
            by: 'waybill.fulfilment:e-1',
          },
        ],
        [
          7_500_000,
          {
            kind: 'command',
            name: 'cancel',
            outcome: 'refused',
            reason: 'already-dispatched',
            by: 'staff:ana',
          },
        ],
      ),
      [
        '    +0.0 s  order received',
        '    +0.3 s  stock reserved (took 0.1 s)',
        '    +0.4 s  payment authorised (took 0.3 s)',
        '    +0.4 s  ready to be sent',
        '+1 min 3 s  ShipmentDispatched waybill.fulfilment:e-1 applied',
        '+2 h 5 min  cancel by staff:ana: refused, already-dispatched (ShipmentDispatched waybill.fulfilment:e-1 was first)',
      ],
    );
  });

  it('says why a step, an event or a state is as it is', () => {
    assert.deepEqual(
      tell(
        [
          0,
          { kind: 'step', name: 'authorise-payment', outcome: 'declined', reason: 'stolen_card' },
        ],
        [0, { kind: 'state', name: 'cancelled', reason: 'stolen_card' }],
        [
          0,
          {
            kind: 'event',
            name: 'PaymentFailed',
            outcome: 'duplicate',
            reason: 'already-declined',
          },
        ],
        [0, { kind: 'command', name: 'cancel', outcome: 'applied', by: 'customer:c-1' }],
      ),
      [
        '+0.0 s  payment declined, stolen_card',
        '+0.0 s  cancelled (stolen_card)',
        '+0.0 s  PaymentFailed duplicate, already-declined',
        '+0.0 s  cancel by customer:c-1: accepted',
      ],
    );
  });

  it('names plainly what it has no words for', () => {
    assert.deepEqual(
      tell(
        [0, { kind: 'state', name: 'teleported' }],
        [0, { kind: 'step', name: 'teleport', outcome: 'done', took: 59_949 }],
        [0, { kind: 'step', name: 'reserve-stock', outcome: 'cancelled' }],
      ),
      [
        '+0.0 s  teleported',
        '+0.0 s  teleport: done (took 59.9 s)',
        '+0.0 s  reserve-stock: cancelled',
      ],
    );
  });

  it('names nobody as first where the timeline does not have it any more', () => {
    const refused = { outcome: 'refused', reason: 'already-dispatched', by: 'staff:ana' };
    assert.deepEqual(tell([0, { kind: 'command', name: 'cancel', ...refused }]), [
      '+0.0 s  cancel by staff:ana: refused, already-dispatched',
    ]);
  });

  it('says how many entries are not kept', () => {
    const [entry] = entries([0, { kind: 'state', name: 'paid' }]);
    assert.ok(entry);
    const timeline = [{ ...entry, n: 41 }];
    assert.deepEqual(describeTimeline({ placedAt: entry.at, timeline }), [
      '(40 earlier entries are not kept)',
      '+0.0 s  paid',
    ]);
  });
});
