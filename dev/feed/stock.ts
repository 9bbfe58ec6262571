import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { PutCommand, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';

/**
 * Puts the first stock of each SKU; what is there already stays as it is. `initial` beside `available` is what
 * the audit measures against.
 */
export async function seedStock(
  table: DynamoDBDocumentClient,
  stockTable: string,
  stock: Readonly<Record<string, number>>,
): Promise<void> {
  for (const [sku, pieces] of Object.entries(stock)) {
    try {
      await table.send(
        new PutCommand({
          TableName: stockTable,
          Item: { key: `SKU#${sku}`, available: pieces, initial: pieces },
          ConditionExpression: 'attribute_not_exists(#key)',
          ExpressionAttributeNames: { '#key': 'key' },
        }),
      );
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
    }
  }
}
