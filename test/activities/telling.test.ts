import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SNSClient } from '@aws-sdk/client-sns';
import { MockActivityEnvironment } from '@temporalio/testing';
import { publishFacts } from '../../src/activities/notifications.ts';
import { telling } from '../../src/activities/telling.ts';
import type { Announcement } from '../../src/contracts/activities.ts';
import type { Fact } from '../../src/contracts/notifications.ts';

describe('an activity that tells what is due on its way', () => {
  const due = { row: {}, notifications: [] } as unknown as Announcement;
  const fact: Fact = {
    notificationId: 'sweep/audit-mismatch',
    type: 'audit-mismatch',
    state: 'disagrees',
    reason: null,
  };

  /** Runs `pay`, which has taken effect once it answers, as the activity's try of this number. */
  async function run(announce: () => Promise<void>, attempt = 1) {
    const { payAndTell } = telling(
      { pay: async (amount: number) => amount },
      { announceOrder: announce },
    );
    const environment = new MockActivityEnvironment({ attempt });
    return (await environment.run(payAndTell as never, 7 as never, due as never)) as unknown;
  }

  it('answers what was done, and whether it could be told', async () => {
    assert.deepEqual(await run(async () => undefined), { answer: 7, told: true });
    const failing = () => Promise.reject(new Error('nobody listens'));
    assert.deepEqual(await run(failing), { answer: 7, told: false });
  });

  it('tells nothing when it is tried again, so that an outage has nothing told at each try', async () => {
    let told = 0;
    const announce = async () => void (told += 1);
    assert.deepEqual(await run(announce, 2), { answer: 7, told: false });
    assert.equal(told, 0);
  });

  describe('while SNS takes calls and gives no answer', () => {
    let silent: Server;
    before(async () => {
      silent = createServer(() => undefined);
      await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    });
    after(() => {
      silent.closeAllConnections();
      silent.close();
    });

    it('is not held up', async () => {
      const { port } = silent.address() as AddressInfo;
      const sns = new SNSClient({
        endpoint: `http://127.0.0.1:${port}`,
        region: 'us-east-1',
        credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      });
      const answer = await run(() => publishFacts(sns, 'arn:aws:sns:us-east-1:1:topic', [fact]));
      assert.deepEqual(answer, { answer: 7, told: false });
      sns.destroy();
    });
  });
});
