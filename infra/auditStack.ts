import { Stack, type StackProps } from 'aws-cdk-lib';
import { type EventBus, type IRuleTarget, Match, Rule } from 'aws-cdk-lib/aws-events';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { deadLetterQueue, letSend, RETRIES } from './delivery.ts';

export interface AuditStackProps extends StackProps {
  readonly bus: EventBus;
  /** What the DLQ is encrypted with: one that EventBridge may use. */
  readonly key: IKey;
  /** In another account, whose bus's policy lets this account put events. */
  readonly securityBusArn: string;
}

const RULE = 'waybill-audit';

/** Every event of the bus, whoever sent it, goes to the central security account too. */
export class AuditStack extends Stack {
  /** What could not be brought there. */
  readonly dlq: Queue;

  constructor(
    scope: Construct,
    id: string,
    { bus, key, securityBusArn, ...props }: AuditStackProps,
  ) {
    super(scope, id, props);

    this.dlq = deadLetterQueue(this, 'Dlq', key, { queueName: 'audit-dlq' });
    const role = this.role(bus, securityBusArn);
    const target: IRuleTarget = {
      bind: ({ ruleRef: { ruleArn } }) => {
        letSend(this.dlq, 'events.amazonaws.com', ruleArn);
        return {
          arn: securityBusArn,
          role,
          deadLetterConfig: { arn: this.dlq.queueArn },
          retryPolicy: {
            maximumEventAgeInSeconds: RETRIES.maxEventAge.toSeconds(),
            maximumRetryAttempts: RETRIES.retryAttempts,
          },
        };
      },
    };
    new Rule(this, 'Rule', {
      ruleName: RULE,
      description: 'Everything, to the bus of the security account',
      eventBus: bus,
      eventPattern: { source: Match.prefix('') },
      targets: [target],
    });
  }

  /** The rule's alone, for that bus alone. */
  private role(bus: EventBus, securityBusArn: string): Role {
    const ruleArn = this.formatArn({
      service: 'events',
      resource: 'rule',
      resourceName: `${bus.eventBusName}/${RULE}`,
    });
    const role = new Role(this, 'Role', {
      description: "Puts Waybill's events on the security account's bus",
      assumedBy: new ServicePrincipal('events.amazonaws.com', {
        conditions: {
          StringEquals: { 'aws:SourceAccount': this.account },
          ArnEquals: { 'aws:SourceArn': ruleArn },
        },
      }),
    });
    role.addToPolicy(
      new PolicyStatement({ actions: ['events:PutEvents'], resources: [securityBusArn] }),
    );
    return role;
  }
}
