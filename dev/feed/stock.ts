import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { PutCommand, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';

/** A SKU's first stock: how many pieces, or also when it is low and how many it is filled up to. Else it never is low. */
export type FirstStock =
  | number
  | { readonly pieces: number; readonly threshold: number; readonly target: number };

/**
 * Puts the first stock of each SKU; what is there already stays as it is. `initial` beside `available` is what
 * the audit measures against.
 */
export async function seedStock(
  table: DynamoDBDocumentClient,
  stockTable: string,
  stock: Readonly<Record<string, FirstStock>>,
): Promise<void> {
  for (const [sku, first] of Object.entries(stock)) {
    const { pieces, ...levels } = typeof first === 'number' ? { pieces: first } : first;
    try {
      await table.send(
        new PutCommand({
          TableName: stockTable,
          Item: { key: `SKU#${sku}`, available: pieces, initial: pieces, ...levels },
          ConditionExpression: 'attribute_not_exists(#key)',
          ExpressionAttributeNames: { '#key': 'key' },
        }),
      );
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
    }
  }
}
