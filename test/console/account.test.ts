import assert from 'node:assert/strict';
import fc from 'fast-check';
import { accountForEvents, type EventTraces, type SentEvent } from '../../src/console/account.ts';
import type { InboxOutcome } from '../../src/contracts/inbox.ts';

const NOTHING: EventTraces = {
  started: new Set(),
  inboxes: [],
  parked: new Set(),
  acknowledged: new Map(),
  closedAt: new Map(),
  queued: 0,
};

function sentEvent(id: string): SentEvent {
  return { id, type: 'OrderCancelled', orderKey: 'order:web:1' };
}

function inbox(outcomes: Readonly<Record<string, InboxOutcome>>, pending: readonly string[] = []) {
  return {
    records: Object.entries(outcomes).map(([id, outcome]) => ({ id, type: 'Any', outcome })),
    pending: pending.map((id) => ({ id, type: 'Any', data: {} })),
    repeats: 0,
  };
}

/** Where one event may be found. */
const PLACES = [
  'started',
  'applied',
  'duplicate',
  'refused',
  'pending',
  'parked',
  'acknowledged',
  'nowhere',
] as const;
type Place = (typeof PLACES)[number];

/** Traces of events that are each in one place, spread over so many inboxes. */
function tracesOf(places: readonly Place[], inboxes: number): EventTraces {
  const at = (place: Place) =>
    places.flatMap((where, index) => (where === place ? [`s:${index}`] : []));
  const outcomes = (['applied', 'duplicate', 'refused'] as const).flatMap((outcome) =>
    at(outcome).map((id) => [id, outcome] as const),
  );
  return {
    started: new Set(at('started')),
    inboxes: Array.from({ length: inboxes }, (_, part) =>
      inbox(
        Object.fromEntries(outcomes.filter((_, index) => index % inboxes === part)),
        at('pending').filter((_, index) => index % inboxes === part),
      ),
    ),
    parked: new Set(at('parked')),
    acknowledged: new Map(at('acknowledged').map((id) => [id, { isLate: false, at: 0 }])),
    closedAt: new Map(),
    queued: 0,
  };
}

describe('the account of events', () => {
  it('adds up, and names what is lost, whatever became of the events', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...PLACES), { maxLength: 60 }),
        fc.integer({ min: 1, max: 5 }),
        fc.nat({ max: 10 }),
        fc.nat({ max: 3 }),
        (places, inboxes, queued, repeats) => {
          const once = places.map((_, index) => sentEvent(`s:${index}`));
          // Each may have been sent, and so noted, more than once.
          const sent = Array.from({ length: repeats + 1 }, () => once).flat();
          const account = accountForEvents(sent, { ...tracesOf(places, inboxes), queued });
          const count = (...where: Place[]) => places.filter((one) => where.includes(one)).length;

          assert.equal(account.events, places.length);
          assert.equal(
            account.applied +
              account.duplicate +
              account.refused +
              account.inInbox +
              account.parked +
              account.queued +
              account.lost.length,
            account.events,
          );
          assert.equal(account.applied, count('started', 'applied'));
          assert.equal(account.duplicate, count('duplicate', 'acknowledged'));
          assert.equal(account.refused, count('refused'));
          assert.equal(account.inInbox, count('pending'));
          assert.equal(account.parked, count('parked'));
          assert.equal(account.queued, Math.min(queued, count('nowhere')));
          assert.equal(account.lost.length, Math.max(0, count('nowhere') - queued));
          for (const { id } of account.lost) {
            assert.equal(places[Number(id.split(':')[1])], 'nowhere');
          }
          assert.deepEqual(account.contradictory, []);
        },
      ),
    );
  });

  it('names the event that was lost', () => {
    const { lost, events } = accountForEvents([sentEvent('s:1'), sentEvent('s:2')], {
      ...NOTHING,
      inboxes: [inbox({ 's:2': 'applied' })],
    });
    assert.equal(events, 2);
    assert.deepEqual(lost, [sentEvent('s:1')]);
  });

  it('does not let what nobody sent stand in for what was', () => {
    const { lost } = accountForEvents([sentEvent('s:1')], {
      ...NOTHING,
      parked: new Set(['s:9']),
      inboxes: [inbox({ 's:8': 'applied' }, ['s:7'])],
    });
    assert.deepEqual(lost, [sentEvent('s:1')]);
  });

  it('names an event that was both applied and parked, and one that two orders took differently', () => {
    const { contradictory, events, applied, parked, refused } = accountForEvents(
      [sentEvent('s:1'), sentEvent('s:2')],
      {
        ...NOTHING,
        parked: new Set(['s:1']),
        inboxes: [inbox({ 's:1': 'applied', 's:2': 'applied' }), inbox({ 's:2': 'refused' })],
      },
    );
    assert.deepEqual(contradictory, [
      { id: 's:1', traces: ['applied', 'parked'] },
      { id: 's:2', traces: ['applied', 'refused'] },
    ]);
    // Even so each is counted once.
    assert.equal(applied + parked + refused, events);
  });

  it('takes an event that was delivered and came again later for delivered', () => {
    const { applied, duplicate } = accountForEvents([sentEvent('s:1')], {
      ...NOTHING,
      started: new Set(['s:1']),
      acknowledged: new Map([['s:1', { isLate: true, at: 0 }]]),
    });
    assert.deepEqual({ applied, duplicate }, { applied: 1, duplicate: 0 });
  });

  it('does not believe a bridge that says of an event that it came too late, while its workflow ran', () => {
    const closedAt = 1_800_000_000_000;
    const account = (at: number, closed: readonly (readonly [string, number])[]) =>
      accountForEvents([sentEvent('s:1')], {
        ...NOTHING,
        acknowledged: new Map([['s:1', { isLate: true, at }]]),
        closedAt: new Map(closed),
      });
    assert.equal(account(closedAt + 1, [['order:web:1', closedAt]]).duplicate, 1);
    assert.equal(account(closedAt - 60_000, [['order:web:1', closedAt]]).lost.length, 1);
    assert.equal(account(closedAt, [['order:web:1', Infinity]]).lost.length, 1);
    assert.equal(account(closedAt, []).duplicate, 1);
  });
});
