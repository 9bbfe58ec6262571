import assert from 'node:assert/strict';
import { SQSClient } from '@aws-sdk/client-sqs';
import { takeParked } from '../../dev/rehearsal.ts';
import { listParked } from '../../src/console/parked.ts';
import { createQueue, fill } from '../console/deadLetters.ts';
import { awsAccount } from '../support/servers.ts';

describe('the messages that a rehearsal finds parked', () => {
  let sqs: SQSClient;
  before(() => void (sqs = new SQSClient(awsAccount())));
  after(() => sqs.destroy());

  it('are all of a FIFO queue, also those that others of their group stand before', async () => {
    const queue = await createQueue(sqs, { fifo: true });
    const ids = Array.from({ length: 25 }, (_, index) => `s:${index}`);
    await fill(
      sqs,
      queue.deadLetterUrl,
      ids.map((eventId) => ({
        body: eventId,
        note: { code: 'malformed', reason: 'r', eventId } as const,
        group: 'one',
      })),
    );
    assert.deepEqual(
      (await takeParked(sqs, queue)).map(({ eventId }) => eventId),
      ids,
    );
    assert.deepEqual(await listParked(sqs, queue.deadLetterUrl), []);
  });
});
