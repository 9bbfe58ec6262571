import assert from 'node:assert/strict';
import { judgeNamespace, type NamespaceFacts } from '../../src/console/namespaceChecks.ts';
import type { Finding } from '../../src/console/finding.ts';
import { judgeQueue, type QueueFacts } from '../../src/console/queueChecks.ts';

const DAY = 86_400;

function queue(own: Partial<QueueFacts> = {}): QueueFacts {
  return {
    name: 'orders',
    arn: 'arn:aws:sqs:eu:1:orders',
    fifo: false,
    messages: 0,
    retention: 4 * DAY,
    key: null,
    redrive: { deadLetterArn: 'arn:aws:sqs:eu:1:orders-dlq', maxReceiveCount: 50 },
    admits: 'all',
    ...own,
  };
}

function deadLetter(own: Partial<QueueFacts> = {}): QueueFacts {
  return queue({ name: 'orders-dlq', arn: 'dlq', retention: 14 * DAY, redrive: null, ...own });
}

/** What is not well, as `level found`. */
function complaints(findings: readonly Finding[]): readonly string[] {
  for (const { level, change } of findings) assert.equal(change === null, level === 'ok');
  return findings
    .filter(({ level }) => level !== 'ok')
    .map(({ level, found }) => `${level} ${found}`);
}

const judge = (source: Partial<QueueFacts> = {}, dlq: Partial<QueueFacts> = {}) =>
  complaints(judgeQueue({ name: 'orders', queue: queue(source), deadLetter: deadLetter(dlq) }));

const FIFO: Partial<QueueFacts> = {
  fifo: true,
  redrive: { deadLetterArn: 'dlq', maxReceiveCount: 1_000 },
};

/** Exactly one complaint, and what it says. */
function only(found: readonly string[], expected: RegExp): void {
  assert.equal(found.length, 1, found.join('\n'));
  assert.match(found[0] ?? '', expected);
}

describe("a queue's check", () => {
  it('finds nothing where all is well', () => {
    assert.deepEqual(judge(), []);
    assert.deepEqual(judge({ ...FIFO, messages: 100_000 }, { fifo: true }), []);
    assert.deepEqual(judge({ key: 'one' }, { key: 'one' }), []);
    assert.deepEqual(judge({}, { admits: ['arn:aws:sqs:eu:1:orders'], key: 'of its own' }), []);
  });

  it('finds what is missing', () => {
    const missing = complaints(judgeQueue({ name: 'orders', queue: null, deadLetter: null }));
    only(missing, /^failure it is not there/);
    only(judge({ redrive: null }), /^failure it has no dead-letter queue/);
    only(
      complaints(judgeQueue({ name: 'orders', queue: queue(), deadLetter: null })),
      /^failure its dead-letter queue arn:aws:sqs:eu:1:orders-dlq is not there/,
    );
  });

  it('finds a receive count that moves what may yet succeed', () => {
    const redrive = (maxReceiveCount: number) => ({
      redrive: { deadLetterArn: 'x', maxReceiveCount },
    });
    only(judge(redrive(49)), /^failure maxReceiveCount is 49/);
    only(judge({ ...FIFO, ...redrive(999) }, { fifo: true }), /^failure maxReceiveCount is 999/);
  });

  it('finds a dead-letter queue of the other kind, that does not admit it, or that keeps no longer (FAULTS 15)', () => {
    only(judge({}, { fifo: true }), /^failure it is a FIFO queue/);
    only(judge({}, { admits: 'none' }), /^failure its redrive allow policy/);
    only(judge({}, { admits: ['arn:aws:sqs:eu:1:others'] }), /^failure its redrive allow policy/);
    only(judge({}, { retention: 4 * DAY }), /^failure it keeps messages for 4 days/);
    only(judge(FIFO, { fifo: true, retention: 3_600 }), /^warning it keeps messages for 3600 s/);
  });

  it('finds encryption that differs', () => {
    only(judge({ key: 'one' }), /^failure it has no customer key/);
    only(judge({ key: 'one' }, { key: 'other' }), /^warning it is encrypted with other/);
  });

  it('finds a FIFO queue too deep for its groups, and what is parked (FAULTS 12)', () => {
    only(judge({ ...FIFO, messages: 100_001 }, { fifo: true }), /^warning 100001 messages/);
    only(judge({ ...FIFO, messages: 120_000 }, { fifo: true }), /^failure 120000 messages/);
    assert.deepEqual(judge({ messages: 1_000_000 }), []);
    only(judge({}, { messages: 3 }), /^warning it holds 3 messages/);
  });
});

describe("a namespace's check", () => {
  const namespace: NamespaceFacts = {
    name: 'default',
    retention: 4 * DAY,
    searchAttributes: { State: 'Keyword' },
  };
  const state = { name: 'State', type: 'Keyword' };

  it('finds queues that keep messages longer than it keeps workflows', () => {
    assert.deepEqual(complaints(judgeNamespace(namespace, [queue()], [state])), []);
    const short = judgeNamespace({ ...namespace, retention: DAY }, [queue()], []);
    only(complaints(short), /^warning queue orders keeps messages for 4 days: past 1 day /);
  });

  it('finds search attributes that are not registered, or of another type', () => {
    const judgeOne = (searchAttributes: NamespaceFacts['searchAttributes']) =>
      complaints(judgeNamespace({ ...namespace, searchAttributes }, [], [state]));
    only(judgeOne({}), /^failure search attribute State is not registered/);
    only(judgeOne({ State: 'Text' }), /^failure search attribute State is registered as Text/);
  });
});
