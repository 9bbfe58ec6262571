import assert from 'node:assert/strict';
import { Match, type Template } from 'aws-cdk-lib/assertions';
import { ORDER_SUMMARY } from '../../src/contracts/indexes.ts';
import { exampleTemplates, localTemplate } from '../support/templates.ts';

interface KeySchema {
  readonly AttributeName: string;
  readonly KeyType: 'HASH' | 'RANGE';
}

interface TableResource {
  readonly Properties: {
    readonly KeySchema: readonly KeySchema[];
    readonly GlobalSecondaryIndexes?: readonly {
      readonly KeySchema: readonly KeySchema[];
      readonly Projection: {
        readonly ProjectionType: string;
        readonly NonKeyAttributes?: readonly string[];
      };
    }[];
    readonly TimeToLiveSpecification?: object;
  };
}

describe('what is kept', function () {
  this.timeout(120_000);

  let template: Template;

  before(() => {
    template = localTemplate('waybill-data');
  });

  it('keeps the tables when the stack goes, and their past', () => {
    template.allResources('AWS::DynamoDB::Table', {
      DeletionPolicy: 'Retain',
      Properties: {
        BillingMode: 'PAY_PER_REQUEST',
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      },
    });
    template.resourceCountIs('AWS::DynamoDB::Table', 7);
  });

  it('shows each change of an order in a stream, and of nothing else, but not to the local service', () => {
    const account = exampleTemplates().get('waybill-data');
    assert.ok(account);
    const tables = Object.values(account.findResources('AWS::DynamoDB::Table'));
    const streams = tables.flatMap(({ Properties }) => Properties.StreamSpecification ?? []);
    assert.deepEqual(streams, [{ StreamViewType: 'NEW_AND_OLD_IMAGES' }]);
    account.hasResourceProperties('AWS::DynamoDB::Table', {
      KeySchema: [{ AttributeName: 'orderKey', KeyType: 'HASH' }],
      StreamSpecification: Match.objectLike({}),
    });
    template.allResourcesProperties('AWS::DynamoDB::Table', {
      StreamSpecification: Match.absent(),
    });
  });

  it('lists orders by customer, state and day, and returns by order, each by time', () => {
    const index = (name: string, partitionKey: string, sortKey: string) =>
      Match.objectLike({
        IndexName: name,
        KeySchema: [
          { AttributeName: partitionKey, KeyType: 'HASH' },
          { AttributeName: sortKey, KeyType: 'RANGE' },
        ],
      });
    template.hasResourceProperties('AWS::DynamoDB::Table', {
      KeySchema: [{ AttributeName: 'orderKey', KeyType: 'HASH' }],
      GlobalSecondaryIndexes: [
        index('byCustomer', 'customerId', 'placedAt'),
        index('byState', 'state', 'placedAt'),
        index('byDay', 'placedOn', 'placedAt'),
      ],
    });
    template.hasResourceProperties('AWS::DynamoDB::Table', {
      KeySchema: [{ AttributeName: 'returnKey', KeyType: 'HASH' }],
      GlobalSecondaryIndexes: [index('byOrder', 'orderKey', 'requestedAt')],
    });
    template.hasResourceProperties('AWS::DynamoDB::Table', {
      KeySchema: [
        { AttributeName: 'sellerId', KeyType: 'HASH' },
        { AttributeName: 'placed', KeyType: 'RANGE' },
      ],
    });
  });

  it('holds in the indexes of orders what a list shows', () => {
    const tables = Object.values(template.findResources('AWS::DynamoDB::Table')) as TableResource[];
    const indexes = tables.flatMap(({ Properties }) => Properties.GlobalSecondaryIndexes ?? []);
    const included = indexes.flatMap(({ Projection, KeySchema }) => {
      const keys = KeySchema.map(({ AttributeName }) => AttributeName);
      const names = Projection.NonKeyAttributes ?? [];
      // AWS refuses what is named twice.
      assert.equal(new Set([...keys, ...names]).size, keys.length + names.length);
      return Projection.ProjectionType === 'INCLUDE' ? [new Set([...keys, ...names])] : [];
    });
    assert.equal(included.length, 3);
    for (const names of included) {
      for (const name of [...ORDER_SUMMARY, 'placedAt']) assert.ok(names.has(name), name);
    }
  });

  it('forgets idempotency keys by themselves, and nothing else', () => {
    const tables = Object.values(template.findResources('AWS::DynamoDB::Table')) as TableResource[];
    const forgetful = tables.filter(({ Properties }) => Properties.TimeToLiveSpecification);
    assert.equal(forgetful.length, 1);
    assert.deepEqual(forgetful[0]?.Properties.KeySchema, [
      { AttributeName: 'key', KeyType: 'HASH' },
    ]);
    assert.deepEqual(forgetful[0]?.Properties.TimeToLiveSpecification, {
      AttributeName: 'expiresAt',
      Enabled: true,
    });
  });
});
