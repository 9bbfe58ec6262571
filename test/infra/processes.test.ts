import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { declareProcesses, PROCESS_NAMES, type DeployedProcess } from '../../infra/processes.ts';
import type { MessagingStack } from '../../infra/messagingStack.ts';
import type { DataStack } from '../../infra/dataStack.ts';
import { loadConfig, variablesOf } from '../../src/platform/config.ts';
import { exampleOn, exampleSettings } from '../support/templates.ts';

describe('the declaration of the processes', () => {
  let processes: Readonly<Record<string, DeployedProcess>>;

  before(function () {
    this.timeout(120_000);
    const { node } = exampleOn('fargate').app;
    const data = node.findChild('waybill-data') as DataStack;
    const messaging = node.findChild('waybill-messaging') as MessagingStack;
    processes = declareProcesses(
      exampleSettings(),
      {
        tables: data.tables,
        queues: messaging.queues,
        bus: messaging.bus,
        notifications: messaging.notifications,
        dataKey: data.key,
        messagingKey: messaging.key,
      },
      '/app',
    );
  });

  const processOf = (name: string) => {
    const process = processes[name];
    assert.ok(process);
    return process;
  };

  for (const name of PROCESS_NAMES) {
    it(`tells ${name} what it needs, and nothing that it does not read`, () => {
      const { environment, secrets } = processOf(name);
      const given = [...Object.keys(environment), ...Object.keys(secrets)];
      assert.equal(new Set(given).size, given.length);
      // What only AWS knows is a token here; what it will be is of this kind.
      const known = Object.entries(environment).map(([variable, value]) => [
        variable,
        /Token\[|\$\{Token/.test(value) ? likely(variable) : value,
      ]);
      const env = {
        ...Object.fromEntries(known),
        ...Object.fromEntries(Object.keys(secrets).map((variable) => [variable, 'secret'])),
      };
      assert.doesNotThrow(() => loadConfig(name, env));
      const read = new Set(variablesOf(name));
      const unread = given.filter((one) => one.startsWith('WAYBILL_') && !read.has(one));
      assert.deepEqual(unread, []);
    });

    it(`needs each variable that it tells ${name} and has no default`, () => {
      const { environment } = processOf(name);
      const required = variablesOf(name, 'required');
      for (const variable of required) {
        const given = variable in environment || variable in processOf(name).secrets;
        assert.ok(given, variable);
      }
    });

    it(`gives V8 of ${name} 75 to 80 % of the memory that the process has`, () => {
      const { nodeFlags, memory, taskMemory } = processOf(name);
      const [, heap] = /--max-old-space-size=(\d+)/.exec(nodeFlags.join(' ')) ?? [];
      const share = Number(heap) / memory;
      assert.ok(share >= 0.75 && share <= 0.8, `${share}`);
      assert.ok(taskMemory - memory >= 192, 'the collector needs some too');
    });

    it(`has ${name} end by itself before it is killed, within what Fargate and Spot allow`, () => {
      const { stopping, environment } = processOf(name);
      const { grace, force, kill } = stopping;
      assert.equal(environment['WAYBILL_GRACE_SECONDS'], String(grace));
      assert.ok(grace < force && force < kill && kill <= 120, JSON.stringify(stopping));
    });
  }

  it('tells each process those of the variables of the settings that it reads', () => {
    for (const name of PROCESS_NAMES) {
      const policy = processOf(name).environment['WAYBILL_ORDER_POLICY'];
      assert.equal(policy, name === 'worker' ? undefined : '{"onLostParcel":"refund"}', name);
    }
  });

  it("gives Temporal's worker longer than it takes to give up", () => {
    const source = readFileSync(new URL('../../src/cli/worker.ts', import.meta.url), 'utf8');
    const [, past] = /shutdownForceTime: `\$\{config\.graceSeconds \+ (\d+)\}s`/.exec(source) ?? [];
    const { grace, force } = processOf('worker').stopping;
    assert.equal(force, grace + Number(past));
  });

  it('has no secret among what can be read in a template', () => {
    for (const name of PROCESS_NAMES) {
      const { environment, secrets } = processOf(name);
      assert.deepEqual(
        Object.keys(environment).filter((variable) =>
          /KEY$|SECRET|TOKEN|CERT|PASSWORD/.test(variable),
        ),
        [],
      );
      assert.ok(Object.keys(secrets).length > 0, name);
    }
  });

  it('lets worker and bridge run on Spot, one worker not, and the API not at all', () => {
    const shares = PROCESS_NAMES.map((name) => {
      const { onDemand, onSpot } = processOf(name);
      return [name, onDemand.base, onSpot.share > 0];
    });
    assert.deepEqual(shares, [
      ['worker', 1, true],
      ['bridge', 0, true],
      ['api', 0, false],
    ]);
  });
});

function likely(variable: string): string {
  if (variable.endsWith('_ARN')) return 'arn:aws:sns:eu-central-1:123456789012:topic';
  if (variable === 'WAYBILL_PAYMENTS_QUEUE_URL') return 'https://sqs.example/1/payments.fifo';
  if (/_URLS?$/.test(variable)) return 'https://sqs.example/1/orders';
  return 'a-name';
}
