import { RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { type ITopic, Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Construct } from 'constructs';
import { type AlarmDeclaration, declareAlarms, RUNBOOK_SECTIONS, type Watched } from './alarms.ts';
import { createDashboard } from './dashboard.ts';
import { output } from './output.ts';

export interface ObservabilityStackProps extends StackProps {
  readonly watched: Watched;
  /** E-mail addresses; each has to confirm. */
  readonly operators: readonly string[];
}

/** What tells people: the alarms, the topic that they go to, and a page of graphs. */
export class ObservabilityStack extends Stack {
  readonly operations: ITopic;

  constructor(scope: Construct, id: string, props: ObservabilityStackProps) {
    super(scope, id, props);
    const { watched, operators } = props;
    const topic = this.topic();
    for (const address of operators) topic.addSubscription(new EmailSubscription(address));
    this.operations = topic;
    output(this, 'OperationsTopicArn', topic.topicArn);

    const alarms = declareAlarms(watched).map((declared) => this.alarm(declared, topic));
    createDashboard(this, watched, alarms);
  }

  private topic(): Topic {
    const key = new Key(this, 'Key', {
      alias: 'waybill/operations',
      description: 'What Waybill tells its operators',
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    const alarms = new ServicePrincipal('cloudwatch.amazonaws.com', {
      conditions: { StringEquals: { 'aws:SourceAccount': this.account } },
    });
    key.addToResourcePolicy(
      new PolicyStatement({
        principals: [alarms],
        actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
        resources: ['*'],
      }),
    );
    const topic = new Topic(this, 'Operations', {
      topicName: 'waybill-operations',
      masterKey: key,
      enforceSSL: true,
    });
    topic.addToResourcePolicy(
      new PolicyStatement({
        principals: [alarms],
        actions: ['sns:Publish'],
        resources: [topic.topicArn],
      }),
    );
    return topic;
  }

  private alarm(declared: AlarmDeclaration, topic: ITopic): Alarm {
    const { id, section, says, metric, comparison, threshold, periods, missing, isEvent } =
      declared;
    const alarm = new Alarm(this, id, {
      alarmName: `waybill-${id}`,
      alarmDescription: `${says}. See docs/runbook.md, "${RUNBOOK_SECTIONS[section]}"`,
      metric,
      comparisonOperator: comparison,
      threshold,
      evaluationPeriods: periods,
      treatMissingData: missing,
    });
    const action = new SnsAction(topic);
    alarm.addAlarmAction(action);
    // It is over: that is news too.
    if (!isEvent) alarm.addOkAction(action);
    return alarm;
  }
}
