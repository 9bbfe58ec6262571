import { RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import {
  AttributeType,
  BillingMode,
  ProjectionType,
  StreamViewType,
  Table,
  TableEncryption,
} from 'aws-cdk-lib/aws-dynamodb';
import { AnyPrincipal, Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { type IKey, Key } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { ORDER_INDEXES, ORDER_SUMMARY, RETURNS_BY_ORDER } from '../src/contracts/indexes.ts';
import { output } from './output.ts';

export type TableName =
  | 'Orders'
  | 'Sellers'
  | 'Stock'
  | 'Payments'
  | 'Returns'
  | 'BackOrders'
  | 'Keys';

export interface DataStackProps extends StackProps {
  /** Whether changes of orders are to be had as a stream. Default true. */
  readonly stream?: boolean;
}

/** What outlives every deployment: the tables, and the key that they are encrypted with. */
export class DataStack extends Stack {
  /** Named in the stack's outputs as `{name}Table`. */
  readonly tables: Readonly<Record<TableName, Table>>;
  readonly key: IKey;

  constructor(scope: Construct, id: string, { stream = true, ...props }: DataStackProps = {}) {
    super(scope, id, props);

    this.key = new Key(this, 'Key', {
      alias: 'waybill/data',
      description: 'What Waybill keeps: its tables',
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    this.tables = {
      Orders: this.orders(stream),
      Sellers: this.table('Sellers', { partitionKey: 'sellerId', sortKey: 'placed' }),
      Stock: this.table('Stock', { partitionKey: 'key' }),
      Payments: this.table('Payments', { partitionKey: 'orderKey', sortKey: 'entry' }),
      Returns: this.returns(),
      BackOrders: this.table('BackOrders', { partitionKey: 'sku', sortKey: 'place' }),
      Keys: this.table('Keys', { partitionKey: 'key', timeToLiveAttribute: 'expiresAt' }),
    };
  }

  private orders(stream: boolean): Table {
    const orders = this.table('Orders', {
      partitionKey: 'orderKey',
      ...(stream && { stream: StreamViewType.NEW_AND_OLD_IMAGES }),
    });
    for (const [indexName, partitionKey] of Object.entries(ORDER_INDEXES)) {
      orders.addGlobalSecondaryIndex({
        indexName,
        partitionKey: stringKey(partitionKey),
        sortKey: stringKey('placedAt'),
        projectionType: ProjectionType.INCLUDE,
        nonKeyAttributes: ORDER_SUMMARY.filter((name) => name !== partitionKey),
      });
    }
    return orders;
  }

  private returns(): Table {
    const returns = this.table('Returns', { partitionKey: 'returnKey' });
    returns.addGlobalSecondaryIndex({
      indexName: RETURNS_BY_ORDER,
      partitionKey: stringKey('orderKey'),
      sortKey: stringKey('requestedAt'),
    });
    return returns;
  }

  private table(
    name: TableName,
    { partitionKey, sortKey, timeToLiveAttribute, stream }: TableShape,
  ): Table {
    const table = new Table(this, `${name}Table`, {
      partitionKey: stringKey(partitionKey),
      ...(sortKey !== undefined && { sortKey: stringKey(sortKey) }),
      ...(timeToLiveAttribute !== undefined && { timeToLiveAttribute }),
      ...(stream !== undefined && { stream }),
      billingMode: BillingMode.PAY_PER_REQUEST,
      encryption: TableEncryption.CUSTOMER_MANAGED,
      encryptionKey: this.key,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    // DynamoDB answers over plain HTTP too. (A table's policy cannot name its table, which is made with it.)
    table.addToResourcePolicy(
      new PolicyStatement({
        effect: Effect.DENY,
        principals: [new AnyPrincipal()],
        actions: ['dynamodb:*'],
        resources: ['*'],
        conditions: { Bool: { 'aws:SecureTransport': 'false' } },
      }),
    );
    output(this, `${name}Table`, table.tableName);
    return table;
  }
}

interface TableShape {
  readonly partitionKey: string;
  readonly sortKey?: string;
  readonly timeToLiveAttribute?: string;
  /** What the table's stream shows of a change; without it there is none. */
  readonly stream?: StreamViewType;
}

function stringKey(name: string) {
  return { name, type: AttributeType.STRING };
}
