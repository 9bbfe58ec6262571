import type { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import type { SNSClient } from '@aws-sdk/client-sns';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type Stripe from 'stripe';
import type { Fact } from '../contracts/notifications.ts';
import { createBackOrderActivities } from './backOrders.ts';
import { createCarrierActivities } from './carrier.ts';
import { createDisputeNoticeActivities } from './disputeNotices.ts';
import { createDisputeActivities } from './disputes.ts';
import { createLowStock } from './lowStock.ts';
import { publishFacts } from './notifications.ts';
import { createOrderActivities } from './orders.ts';
import { createPaymentActivities } from './payments.ts';
import { createRestockActivities } from './restocking.ts';
import { createReturnActivities } from './returns.ts';
import { createScreeningActivities } from './screening.ts';
import { createSupplier } from './supplier.ts';
import { createSweepActivities, type SweepActivitiesOptions } from './sweep.ts';
import { createStockActivities } from './stock.ts';
import { telling } from './telling.ts';

export interface ActivitiesOptions {
  readonly table: DynamoDBDocumentClient;
  readonly ordersTable: string;
  readonly sellersTable: string;
  readonly stockTable: string;
  readonly backOrdersTable: string;
  readonly paymentsTable: string;
  readonly returnsTable: string;
  readonly sns: SNSClient;
  readonly eventBridge: EventBridgeClient;
  readonly eventBusName: string;
  readonly notificationsTopicArn: string;
  /** Must not retry by itself. */
  readonly stripe: Stripe;
  readonly screeningUrl: string;
  readonly carrierUrl: string;
  readonly supplierUrl: string;
  /** Reads everything and says what disagrees. */
  readonly audit: SweepActivitiesOptions['audit'];
}

/** Every activity that the workflows ask for, by the task queue on which they ask for it. */
export function createActivities(options: ActivitiesOptions) {
  const { table, paymentsTable, stripe } = options;
  const withStock = { ...options, lowStock: createLowStock(options) };
  const topic = { sns: options.sns, topicArn: options.notificationsTopicArn };
  const publish = (fact: Fact) => publishFacts(topic.sns, topic.topicArn, [fact]);
  const screening = createScreeningActivities({ url: options.screeningUrl });
  const orders = createOrderActivities({
    ...options,
    ...screening,
    ...topic,
  });
  const stock = {
    ...createStockActivities(withStock),
    ...createBackOrderActivities(withStock),
  };
  const carrier = createCarrierActivities({ url: options.carrierUrl });
  const payments = createPaymentActivities({ stripe, table, tableName: paymentsTable });
  return {
    orders: {
      ...orders,
      ...screening,
      ...stock,
      ...telling(stock, orders),
      ...createRestockActivities(withStock),
      ...createReturnActivities({ ...options, ...topic }),
      ...createDisputeNoticeActivities(publish),
      ...createSweepActivities({ ...options, publish }),
    },
    payments: {
      ...payments,
      ...createDisputeActivities({ table, tableName: paymentsTable }),
      ...telling(payments, orders),
    },
    partners: {
      ...carrier,
      ...telling(carrier, orders),
      ...createSupplier({ url: options.supplierUrl }),
    },
  };
}
