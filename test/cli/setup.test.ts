import assert from 'node:assert/strict';
import { Client, Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import { SEARCH_ATTRIBUTES } from '../../src/contracts/searchAttributes.ts';
import { SWEEP_SCHEDULE } from '../../src/contracts/sweep.ts';
import {
  awsAccount,
  environmentOf,
  eventually,
  temporalAddress,
  uniqueId,
} from '../support/servers.ts';
import { waybill, type Ran } from './waybill.ts';

const { IndexedValueType } = proto.temporal.api.enums.v1;

const ATTRIBUTES = SEARCH_ATTRIBUTES.map((name) => `search attribute ${name}`);
const SCHEDULE = `schedule ${SWEEP_SCHEDULE}`;

describe('the setup', function () {
  this.timeout(180_000);
  let connection: Connection;

  before(async () => {
    connection = await Connection.connect({ address: temporalAddress() });
  });
  after(() => connection.close());

  /** A namespace of a test's own, with nothing in it. */
  async function createNamespace() {
    const namespace = uniqueId('setup');
    await connection.workflowService.registerNamespace({
      namespace,
      workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
    });
    const client = new Client({ connection, namespace });
    // The server's parts learn of it one after the other.
    await eventually(
      async () => {
        await connection.operatorService.listSearchAttributes({ namespace });
        for await (const _ of client.schedule.list()) continue;
        return true;
      },
      { within: 30_000, every: 250 },
    );
    const env = { ...environmentOf(awsAccount()), TEMPORAL_NAMESPACE: namespace };
    return {
      namespace,
      client,
      schedule: client.schedule.getHandle(SWEEP_SCHEDULE),
      setup: () => waybill(['setup'], env),
    };
  }

  /** What it says of each thing. */
  function said({ code, stdout, stderr }: Ran): Readonly<Record<string, string>> {
    assert.equal(code, 0, stderr);
    const lines = stdout.trimEnd().split('\n');
    return Object.fromEntries(lines.map((line) => [line.slice(16), line.slice(0, 16).trim()]));
  }

  it('makes what is missing, and says next time that all is as it should be', async () => {
    const { namespace, schedule, setup } = await createNamespace();
    const all = (what: string) =>
      Object.fromEntries([...ATTRIBUTES, SCHEDULE].map((name) => [name, what]));
    assert.deepEqual(said(await setup()), all('created'));

    const { customAttributes } = await connection.operatorService.listSearchAttributes({
      namespace,
    });
    const { INDEXED_VALUE_TYPE_KEYWORD: keyword } = IndexedValueType;
    for (const name of SEARCH_ATTRIBUTES) assert.equal(customAttributes[name], keyword, name);
    const { action, policies, info } = await schedule.describe();
    assert.deepEqual(
      [action.workflowType, action.taskQueue, action.workflowId],
      ['sweepWorkflow', 'orders', 'sweep:nightly'],
    );
    assert.deepEqual([policies.overlap, policies.catchupWindow], ['SKIP', 3_600_000]);
    assert.ok(info.nextActionTimes.length > 1);
    for (const time of info.nextActionTimes) assert.match(time.toISOString(), /T02:30:00\.000Z$/);

    assert.deepEqual(said(await setup()), all('as it should be'));
    // It was not even touched.
    assert.equal((await schedule.describe()).info.lastUpdatedAt, undefined);
  });

  it('sets right what was changed, and leaves it paused where somebody has paused it', async () => {
    const { schedule, setup } = await createNamespace();
    await setup();
    await schedule.pause('while we move');
    await schedule.update((is) => ({ ...is, spec: { intervals: [{ every: '1h' }] } }));
    const paused = `${SCHEDULE}, which is paused`;
    assert.equal(said(await setup())[paused], 'changed');
    assert.equal(said(await setup())[paused], 'as it should be');
    await schedule.update((is) => ({ ...is, policies: { overlap: 'ALLOW_ALL' } }));
    assert.equal(said(await setup())[paused], 'changed');
    const { state, policies } = await schedule.describe();
    assert.deepEqual([state.paused, state.note, policies.overlap], [true, 'while we move', 'SKIP']);
  });

  it('leaves other schedules alone', async () => {
    const { client, setup } = await createNamespace();
    const other = await client.schedule.create({
      scheduleId: 'other',
      spec: { intervals: [{ every: '1d' }] },
      action: { type: 'startWorkflow', workflowType: 'other', taskQueue: 'other', args: [] },
    });
    const before = await other.describe();
    await setup();
    const { raw } = await other.describe();
    assert.deepEqual(raw.conflictToken, before.raw.conflictToken);
  });

  it('makes one schedule of two setups at once', async () => {
    const { setup } = await createNamespace();
    const both = (await Promise.all([setup(), setup()])).map((ran) => said(ran)[SCHEDULE]);
    assert.ok(both.includes('created'), both.join());
    assert.ok(
      both.every((what) => what === 'created' || what === 'as it should be'),
      both.join(),
    );
  });

  it('says what to do where the attribute is of another type, or nobody answers', async () => {
    const { namespace, setup } = await createNamespace();
    await connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: { [SEARCH_ATTRIBUTES[0]]: IndexedValueType.INDEXED_VALUE_TYPE_TEXT },
    });
    const { code, stderr } = await eventually(async () => {
      const ran = await setup();
      return ran.code === 2 && ran;
    });
    assert.equal(code, 2);
    assert.match(stderr, /^waybill: namespace .* as another type than Keyword\n {2}remove it/);

    const nobody = { ...environmentOf(awsAccount()), TEMPORAL_ADDRESS: '127.0.0.1:1' };
    const refused = await waybill(['setup'], nobody);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /^waybill: Temporal cannot be reached at 127\.0\.0\.1:1/);
  });
});
