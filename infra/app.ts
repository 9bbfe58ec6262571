import { App, DefaultStackSynthesizer, type IStackSynthesizer } from 'aws-cdk-lib';
import { WaybillStack } from './stack.ts';

/** The names of the stack's outputs. */
export const OUTPUTS = [
  'EventBusName',
  'OrdersQueueUrl',
  'OrdersDlqUrl',
  'PaymentsQueueUrl',
  'PaymentsDlqUrl',
  'FulfilmentQueueUrl',
  'FulfilmentDlqUrl',
  'ReturnsQueueUrl',
  'ReturnsDlqUrl',
  'InventoryQueueUrl',
  'InventoryDlqUrl',
  'OperationsQueueUrl',
  'OperationsDlqUrl',
  'PaymentsFifoQueueUrl',
  'PaymentsFifoDlqUrl',
  'NotificationsTopicArn',
  'CustomersQueueUrl',
  'CustomersDlqUrl',
  'SupportQueueUrl',
  'SupportDlqUrl',
  'AnalyticsQueueUrl',
  'AnalyticsDlqUrl',
  'SecurityQueueUrl',
  'SecurityDlqUrl',
  'OrdersTable',
  'SellersTable',
  'StockTable',
  'PaymentsTable',
  'ReturnsTable',
  'BackOrdersTable',
  'KeysTable',
] as const;

/** What the deployed stack says of itself: names, URLs and ARNs by output. */
export type Outputs = Readonly<Record<(typeof OUTPUTS)[number], string>>;

export const STACK_NAME = 'waybill';

/** The stack's CloudFormation template. */
export function synthesise(): object {
  const app = new App({ analyticsReporting: false });
  new WaybillStack(app, STACK_NAME, {
    description: 'Waybill: a durable order service driven by AWS events',
    // The bootstrap version is an SSM parameter, which a machine without an AWS account has not.
    // (The cast: CDK's typings are not made for `exactOptionalPropertyTypes`.)
    synthesizer: new DefaultStackSynthesizer({
      generateBootstrapVersionRule: false,
    }) as IStackSynthesizer,
  });
  return app.synth().getStackByName(STACK_NAME).template as object;
}
