import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Delivery } from '../../src/bridges/deliver.ts';
import type { Plan } from '../../src/bridges/plan.ts';
import { growing, settle } from '../../src/bridges/settlement.ts';

const START: Plan = {
  operation: 'start',
  workflowId: 'order:web:1',
  workflowType: 'order',
  taskQueue: 'orders',
  args: [],
};
const INBOX: Plan = {
  operation: 'inbox',
  workflowId: 'order:web:1',
  earlySeconds: 60,
  late: 'acknowledge',
};
const UPDATE: Plan = {
  operation: 'update',
  workflowId: 'order:web:1',
  update: 'change',
  args: [],
  earlySeconds: 60,
  late: 'acknowledge',
  refused: 'acknowledge',
};
const PARKS_REFUSED: Plan = { ...UPDATE, refused: 'park' };
const FOLLOWED: Plan = { ...INBOX, late: { ...START, workflowId: 'follow-up:1' } };
const PARKS_LATE: Plan = { ...INBOX, late: 'park' };
const ERROR = new Error('what the client says', { cause: new Error('what the service said') });

/** Every name there is: the compiler says so. */
const DELIVERIES = Object.keys({
  delivered: 0,
  duplicate: 0,
  conflict: 0,
  ignored: 0,
  early: 0,
  late: 0,
  busy: 0,
  unavailable: 0,
  denied: 0,
  'too-large': 0,
  unexpected: 0,
  throttled: 0,
  unanswered: 0,
  refused: 0,
  'held-too-long': 0,
  'workflow-stopped': 0,
  stopping: 0,
} satisfies Record<Delivery, 0>) as Delivery[];

describe('settle', () => {
  for (const [what, plan, delivery, age, expected] of [
    ['accepted', START, 'delivered', 0, { kind: 'delete', outcome: 'delivered' }],
    ['accepted, after days', INBOX, 'delivered', 1e6, { kind: 'delete', outcome: 'delivered' }],
    ['started before', START, 'duplicate', 0, { kind: 'delete', outcome: 'duplicate' }],
    [
      'of no concern',
      { operation: 'ignore' },
      'ignored',
      0,
      { kind: 'delete', outcome: 'ignored' },
    ],
    [
      'started before with other content',
      START,
      'conflict',
      0,
      {
        kind: 'park',
        code: 'conflict',
        reason: 'order:web:1 was started before with other content',
      },
    ],
    [
      'too large for Temporal',
      START,
      'too-large',
      0,
      { kind: 'park', code: 'too-large', reason: 'what the service said' },
    ],
    ['closed', INBOX, 'late', 0, { kind: 'delete', outcome: 'late' }],
    [
      'closed, on a route that parks it',
      PARKS_LATE,
      'late',
      0,
      { kind: 'park', code: 'late', reason: 'order:web:1 is closed' },
    ],
    ['early', INBOX, 'early', 0, released('early', 1)],
    ['early, within its limit', INBOX, 'early', 59.9, released('early', 30)],
    [
      'early, past its limit',
      INBOX,
      'early',
      60,
      {
        kind: 'park',
        code: 'early',
        reason: 'order:web:1 did not come to exist within 60 s',
      },
    ],
    ['a busy workflow', INBOX, 'busy', 0, released('busy', 1)],
    ['a busy workflow, after an hour', INBOX, 'busy', 3_600, released('busy', 60)],
    ['Temporal away', START, 'unavailable', 3_600, released('unavailable', 5)],
    ['the bridge refused', START, 'denied', 3_600, released('denied', 30)],
    ['a refused update', UPDATE, 'refused', 0, { kind: 'delete', outcome: 'refused' }],
    [
      'a refused update, on a route that parks it',
      PARKS_REFUSED,
      'refused',
      0,
      { kind: 'park', code: 'refused', reason: 'what the service said' },
    ],
    ['an update that nobody answers', UPDATE, 'unanswered', 3_600, released('unanswered', 60)],
    [
      'closed, and its follow-up was started before',
      FOLLOWED,
      'duplicate',
      0,
      { kind: 'delete', outcome: 'duplicate' },
    ],
    [
      'closed, and its follow-up was started with other content',
      FOLLOWED,
      'conflict',
      0,
      {
        kind: 'park',
        code: 'conflict',
        reason: 'follow-up:1 was started before with other content',
      },
    ],
    ['too many requests', START, 'throttled', 0, released('throttled', 1)],
    [
      'a turn that did not come',
      INBOX,
      'held-too-long',
      0,
      { kind: 'release', code: 'held-too-long', reason: 'held-too-long', delaySeconds: 1 },
    ],
    [
      'a bridge that stops',
      INBOX,
      'stopping',
      0,
      { kind: 'release', code: 'stopping', reason: 'stopping', delaySeconds: 0 },
    ],
    ['an answer without a rule', START, 'unexpected', 3_600, released('unexpected', 60)],
  ] as const) {
    it(`${what}: ${expected.kind}`, () => {
      assert.deepEqual(settle(plan, { delivery, error: ERROR }, age), expected);
    });
  }

  it('parks nothing but what cannot succeed, and deletes nothing but what was dealt with', () => {
    const never: readonly Delivery[] = ['conflict', 'too-large'];
    const dealtWith: readonly Delivery[] = ['delivered', 'duplicate', 'ignored', 'late', 'refused'];
    fc.assert(
      fc.property(
        fc.constantFrom(...DELIVERIES),
        fc.constantFrom(START, INBOX, PARKS_LATE, UPDATE, PARKS_REFUSED),
        // The clocks may be off: an age may be below zero.
        fc.double({ min: -1e5, max: 1e7, noNaN: true }),
        (delivery, plan, age) => {
          const settlement = settle(plan, { delivery, error: ERROR }, age);
          const limit = 'earlySeconds' in plan ? plan.earlySeconds : 0;
          const parks: readonly Delivery[] =
            plan === PARKS_LATE ? ['late'] : plan === PARKS_REFUSED ? ['refused'] : [];
          const expected =
            never.includes(delivery) || parks.includes(delivery)
              ? 'park'
              : dealtWith.includes(delivery)
                ? 'delete'
                : delivery === 'early' && age >= limit
                  ? 'park'
                  : 'release';
          assert.equal(settlement.kind, expected);
          if (settlement.kind === 'release') {
            assert.ok(
              settlement.delaySeconds >= (delivery === 'stopping' ? 0 : 1) &&
                settlement.delaySeconds <= 60,
            );
            assert.ok(Number.isInteger(settlement.delaySeconds));
          }
        },
      ),
    );
  });
});

describe('growing', () => {
  it('makes a message that waits for an hour cost about seventy receives, not thousands', () => {
    let age = 0;
    let receives = 0;
    for (; age < 3_600; receives += 1) age += growing(age);
    assert.ok(receives < 75, `${receives}`);
  });
});

function released(code: string, delaySeconds: number) {
  return { kind: 'release', code, reason: 'what the service said', delaySeconds } as const;
}
