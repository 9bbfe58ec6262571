import assert from 'node:assert/strict';
import { contentHash } from '../../src/bridges/contentHash.ts';
import { createReader } from '../../src/bridges/reader.ts';
import { explain, explainableOf, summarise, type Explained } from '../../src/console/explain.ts';
import { ago } from '../../src/console/verdict.ts';
import type { WorkflowState } from '../../src/console/workflowState.ts';
import routes from '../cli/toolRoutes.ts';
import { event } from './deadLetters.ts';

const DAY = 86_400_000;
const read = createReader(routes);
const absent: WorkflowState = { is: 'absent' };
const running: WorkflowState = { is: 'running', contentHash: undefined };
const closed = (own: object = {}): WorkflowState => ({
  is: 'closed',
  as: 'completed',
  at: new Date(Date.now() - 3 * DAY - 1_000).toISOString(),
  contentHash: undefined,
  ...own,
});

/** Explains one event of this type for `order:1`, whose workflow is in this state; without a state, nobody is asked. */
async function explainOne(type: string, state?: WorkflowState, next = absent): Promise<Explained> {
  const message = {
    from: 'here',
    body: event(type, 'order:1', 'e1'),
    messageId: 'm1',
    parkedBefore: null,
  };
  const [explained] = await explain([message], {
    read,
    contentHash,
    ...(state && { readState: (id) => Promise.resolve(id === 'order:1' ? state : next) }),
  });
  assert.ok(explained);
  return explained;
}

describe('what would become of an event', () => {
  const started = contentHash({ id: 'order:1' });
  const cases: readonly (readonly [string, WorkflowState | undefined, string, RegExp])[] = [
    ['Begin', undefined, 'deliver', /^would start order:1$/],
    ['Begin', absent, 'deliver', /^would start order:1: never existed$/],
    [
      'Begin',
      closed({ contentHash: started }),
      'acknowledge',
      /closed 3 days ago as completed, started before with this content/,
    ],
    [
      'Begin',
      { is: 'running', contentHash: started },
      'acknowledge',
      /running, started before with this content, a duplicate$/,
    ],
    [
      'Begin',
      running,
      'park',
      /^would be parked: conflict: order:1 is running, started before with other content$/,
    ],
    ['Event', undefined, 'deliver', /^would signal order:1$/],
    ['Event', running, 'deliver', /^would signal order:1: running$/],
    [
      'Event',
      closed(),
      'acknowledge',
      /^would signal order:1: closed 3 days ago as completed, late policy acknowledges$/,
    ],
    [
      'Event',
      absent,
      'wait',
      /^would signal order:1: never existed, waits for it up to 900 s, then parked as early$/,
    ],
    ['Strict', absent, 'park', /^would be parked: early: order:1 never existed$/],
    [
      'Strict',
      closed(),
      'park',
      /^would be parked: late: order:1 is closed 3 days ago as completed$/,
    ],
    [
      'Follow',
      closed(),
      'deliver',
      /closed 3 days ago as completed, late policy would start order:1-next: never existed$/,
    ],
    ['Poke', undefined, 'deliver', /^would signal order:1, and start it where it does not run$/],
    ['Poke', absent, 'deliver', /^would start and signal order:1: never existed$/],
    ['Poke', running, 'deliver', /^would signal order:1: running$/],
    ['Poke', closed(), 'park', /^would be parked: late/],
    ['Ask', absent, 'deliver', /^would start and update order:1/],
    ['Ask', closed(), 'acknowledge', /^would update order:1: closed .*late policy acknowledges$/],
    ['Known', running, 'acknowledge', /^would be acknowledged: its route ignores it$/],
    ['Broken', running, 'release', /a function of its route failed: Error: no such table$/],
    [
      'Unheard',
      running,
      'park',
      /^would be parked: unknown-type: no route takes source test, type Unheard$/,
    ],
  ];
  for (const [type, state, kind, text] of cases) {
    it(`${type}, its workflow ${state?.is ?? 'not asked for'}: ${kind}`, async () => {
      const { verdict } = await explainOne(type, state);
      assert.equal(verdict.kind, kind);
      assert.match(verdict.text, text);
      assert.doesNotMatch(verdict.summary, /order:1/);
    });
  }

  it('is parked too, where the follow-up was started with other content', async () => {
    const { verdict } = await explainOne('Follow', closed(), running);
    assert.equal(verdict.code, 'conflict');
    assert.match(verdict.text, /late policy would be parked: conflict: order:1-next/);
  });

  it('comes with its route, its event ID and what the workflow would be given', async () => {
    const { eventId, route, payload, plan } = await explainOne('Event', running);
    assert.equal(eventId, 'test:e1');
    assert.equal(route, 'test Event');
    assert.deepEqual(payload, [[{ id: 'test:e1', type: 'Event', data: { id: 'order:1' } }]]);
    assert.equal(plan?.operation, 'inbox');
    assert.deepEqual((await explainOne('Poke', running)).payload, ['now']);
    assert.deepEqual((await explainOne('Ask', running)).payload, ['why']);
    assert.equal((await explainOne('Unheard')).eventId, 'test:e1');
  });
});

describe('a preview', () => {
  const parked = (body: string, note: object = {}) =>
    explainableOf({
      MessageId: 'dlq',
      Body: body,
      MessageAttributes: { waybill: { DataType: 'String', StringValue: JSON.stringify(note) } },
    });

  it('counts what is alike, and says one alone in full', async () => {
    const explained = await explain(
      [
        parked(event('Event', 'order:1', 'a')),
        parked(event('Event', 'order:2', 'b')),
        parked(event('Event', 'order:3', 'c')),
        parked(event('Unheard', 'order:1', 'd')),
        parked(event('Unheard', 'order:2', 'e')),
        parked(event('Begin', 'order:4', 'f')),
      ],
      {
        read,
        contentHash,
        readState: (id) => Promise.resolve(id === 'order:4' ? absent : closed()),
      },
    );
    assert.deepEqual(summarise(explained), [
      '3 x would signal a workflow: closed, late policy acknowledges',
      '2 x would be parked again: unknown-type',
      '1 x would start order:4: never existed',
    ]);
  });

  it('leaves out the records of a message that are settled', async () => {
    const body = `[${event('Event', 'order:1', 'a')},${event('Event', 'order:2', 'b')}]`;
    const of = async (note: object) =>
      (await explain([parked(body, note)], { read, contentHash })).map(({ eventId }) => eventId);
    assert.deepEqual(await of({}), ['test:a', 'test:b']);
    assert.deepEqual(await of({ records: [1] }), ['test:b']);
  });

  it('knows an event without an ID by the message that it came with first', async () => {
    const body = '{"source":"test","type":"Event","data":{"id":"x"}}';
    const [explained] = await explain([parked(body, { messageId: 'first' })], {
      read,
      contentHash,
    });
    assert.equal(explained?.eventId, 'test:first');
  });
});

describe('how long ago', () => {
  it('is told in the largest unit that fits', () => {
    assert.equal(ago(-5), '0 seconds ago');
    assert.equal(ago(1_999), '1 second ago');
    assert.equal(ago(119_000), '1 minute ago');
    assert.equal(ago(2 * DAY - 1), '1 day ago');
    assert.equal(ago(7_200_000), '2 hours ago');
  });
});
