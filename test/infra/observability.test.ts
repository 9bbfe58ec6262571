import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { Template } from 'aws-cdk-lib/assertions';
import { parse } from 'yaml';
import { COLLECTOR_CONFIG } from '../../infra/collector.ts';
import { createProgram } from '../../src/cli/program.ts';
import { registerOrders } from '../../src/cli/orders.ts';
import { registerTools } from '../../src/cli/tools.ts';
import { exampleTemplate, type Platform } from '../support/templates.ts';

interface MetricQuery {
  readonly MetricStat?: { readonly Metric: MetricProperties };
}

interface MetricProperties {
  readonly Namespace?: string;
  readonly MetricName?: string;
  readonly Dimensions?: readonly { readonly Name: string }[];
}

interface Alarm extends MetricProperties {
  readonly AlarmName: string;
  readonly AlarmDescription: string;
  readonly AlarmActions: readonly unknown[];
  readonly OKActions?: readonly unknown[];
  readonly Metrics?: readonly MetricQuery[];
  readonly Threshold: number;
  readonly ComparisonOperator: string;
  readonly TreatMissingData: string;
  readonly Statistic?: string;
}

interface Declaration {
  readonly metric_name_selectors: readonly string[];
  readonly dimensions: readonly (readonly string[])[];
}

const RUNBOOK = readFileSync(new URL('../../docs/runbook.md', import.meta.url), 'utf8');

describe('the alarms', () => {
  let template: Template;
  let alarms: Alarm[];

  before(function () {
    this.timeout(120_000);
    template = exampleTemplate('waybill-observability');
    alarms = Object.values(template.findResources('AWS::CloudWatch::Alarm')).map(
      ({ Properties }) => Properties as Alarm,
    );
  });

  const named = (name: string) => {
    const alarm = alarms.find(({ AlarmName }) => AlarmName === `waybill-${name}`);
    assert.ok(alarm, name);
    return alarm;
  };

  it('name each a section of the runbook, and the runbook has no other', () => {
    const cited = alarms.map(({ AlarmName, AlarmDescription }) => {
      const [, section] = /See docs\/runbook\.md, "([^"]+)"$/.exec(AlarmDescription) ?? [];
      assert.ok(section, AlarmName);
      return section;
    });
    const [, part = ''] = RUNBOOK.split(/^## Alarms$/m);
    const [own = ''] = part.split(/^## /m);
    const sections = [...own.matchAll(/^### (.+)$/gm)].map(([, heading = '']) => heading);
    assert.deepEqual([...new Set(cited)].toSorted(), sections.toSorted());
  });

  it('are each explained: what it means, where to look, what to do, when it is over', () => {
    const [, part = ''] = RUNBOOK.split(/^## Alarms$/m);
    const [own = ''] = part.split(/^## /m);
    const [, ...sections] = own.split(/^### /m);
    assert.ok(sections.length > 0);
    for (const section of sections) {
      for (const question of ['**Means:**', '**Look:**', '**Do:**', '**Over:**']) {
        assert.ok(section.includes(question), `${section.split('\n', 1).join()} ${question}`);
      }
    }
  });

  it('are told to the operations topic, and those of a state that it is over', () => {
    const events = new Set(['NonDeterminism', 'NeedsOperator', 'AuditMismatch']);
    for (const { AlarmName, AlarmActions, OKActions = [] } of alarms) {
      assert.equal(AlarmActions.length, 1, AlarmName);
      assert.equal(OKActions.length, events.has(AlarmName.replace('waybill-', '')) ? 0 : 1);
    }
    template.hasResourceProperties('AWS::SNS::Topic', { TopicName: 'waybill-operations' });
  });

  it('watch each source queue and its DLQ, and the DLQ of each who is told', () => {
    const sources = alarms.filter(({ AlarmName }) => AlarmName.endsWith('Waiting'));
    const dlqs = alarms.filter(({ AlarmName }) => /(Parked|Undelivered)$/.test(AlarmName));
    assert.equal(sources.length, 7);
    assert.equal(dlqs.length, 7 + 4 + 2);
    for (const { MetricName } of sources) assert.equal(MetricName, 'ApproximateAgeOfOldestMessage');
    for (const { MetricName, Threshold, ComparisonOperator } of dlqs) {
      assert.equal(MetricName, 'ApproximateNumberOfMessagesVisible');
      assert.deepEqual([ComparisonOperator, Threshold], ['GreaterThanThreshold', 0]);
    }
    const queues = new Set(
      [...sources, ...dlqs].map(({ Dimensions }) => JSON.stringify(Dimensions)),
    );
    assert.equal(queues.size, 7 + 7 + 4 + 2);
  });

  it('take silence for what it is: no workers, and else that nothing has happened', () => {
    for (const { AlarmName, TreatMissingData } of alarms) {
      const expected = AlarmName.endsWith('Unpolled') ? 'breaching' : 'notBreaching';
      assert.equal(TreatMissingData, expected, AlarmName);
    }
    assert.equal(alarms.filter(({ AlarmName }) => AlarmName.endsWith('Unpolled')).length, 4);
  });

  it('go off when workflow tasks start more than 5 s late, by what durations are exported in', () => {
    const { Threshold, Statistic } = named('LateStarts');
    assert.deepEqual([Threshold, Statistic], [5, 'Maximum']);
    const source = readFileSync(new URL('../../src/platform/worker.ts', import.meta.url), 'utf8');
    assert.ok(/useSecondsForDurations: true/.test(source), 'the threshold is in seconds');
    // Of a running total the collector makes increments without their greatest.
    assert.ok(/\btemporality\b/.test(source), 'Temporal exports increments where it is asked to');
  });

  it('go off before the groups of a FIFO queue starve (FAULTS 12)', () => {
    const { MetricName, Threshold } = named('FifoDepth');
    assert.deepEqual([MetricName, Threshold], ['ApproximateNumberOfMessagesVisible', 100_000]);
  });

  for (const on of ['fargate', 'ec2'] as const satisfies Platform[]) {
    it(`and scaling and graphs use of Waybill's metrics on ${on} only what the collector makes of them`, () => {
      const { exporters } = parse(COLLECTOR_CONFIG) as {
        exporters: { awsemf: { metric_declarations: Declaration[] } };
      };
      const declared = exporters.awsemf.metric_declarations;
      const isDeclared = (name: string, dimensions: readonly string[]) =>
        declared.some(
          ({ metric_name_selectors: selectors, dimensions: sets }) =>
            selectors.some((selector) => new RegExp(selector).test(name)) &&
            sets.some((set) => set.toSorted().join() === dimensions.toSorted().join()),
        );
      const used = ['waybill-compute', 'waybill-observability'].flatMap((name) =>
        metricsIn(exampleTemplate(name, on).toJSON()),
      );
      assert.ok(used.length >= 20, String(used.length));
      const undeclared = used.filter(({ name, dimensions }) => !isDeclared(name, dimensions));
      assert.deepEqual(undeclared, []);
    });
  }
});

describe('the runbook', () => {
  it('speaks only of commands that there are', () => {
    const program = createProgram('');
    registerOrders(program);
    registerTools(program, {});
    const known = new Set(['config', 'replay', 'setup']);
    const asked = [...RUNBOOK.matchAll(/\bwaybill ([a-z]+)(?: ([a-z]+))?/g)];
    assert.ok(asked.length >= 10);
    for (const [text, name = '', sub = ''] of asked) {
      if (known.has(name)) continue;
      const command = program.commands.find((one) => one.name() === name);
      assert.ok(command, text);
      if (command.commands.length === 0) continue;
      assert.ok(
        command.commands.some((one) => one.name() === sub),
        text,
      );
    }
  });
});

interface UsedMetric {
  readonly name: string;
  readonly dimensions: readonly string[];
}

/** Every metric of the namespace in a template: in alarms, scaling policies and the dashboard's text. */
function metricsIn(value: unknown): readonly UsedMetric[] {
  if (typeof value === 'string') return metricsOfDashboard(value);
  if (typeof value !== 'object' || value === null) return [];
  const { Namespace, MetricName, Dimensions = [] } = value as MetricProperties;
  const own =
    Namespace === 'Waybill' && MetricName !== undefined
      ? [{ name: MetricName, dimensions: Dimensions.map(({ Name }) => Name) }]
      : [];
  return [...own, ...Object.values(value).flatMap(metricsIn)];
}

/** A dashboard names a metric as `["Waybill","name","dimension","value",{...}]`, and is a text in parts. */
function metricsOfDashboard(text: string): readonly UsedMetric[] {
  const arrays = [...text.matchAll(/\["Waybill"((?:,"[^"]*")+)/g)];
  return arrays.map(([, rest = '']) => {
    const [name = '', ...pairs] = JSON.parse(`[${rest.slice(1)}]`) as string[];
    return { name, dimensions: pairs.filter((_, index) => index % 2 === 0) };
  });
}
