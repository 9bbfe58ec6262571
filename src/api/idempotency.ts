import { createHash } from 'node:crypto';
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { PutCommand, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';

/** What a caller's key was used for. */
export interface KeyUse {
  /** The order's workflow ID. */
  readonly orderKey: string;
  readonly contentHash: string;
}

/** Remembers for 30 days what keys were used for, where the order's ID does not tell it. */
export interface IdempotencyKeys {
  /** @returns false when the key was used for something else before. */
  claim(key: string, use: KeyUse): Promise<boolean>;
}

export interface IdempotencyKeysOptions {
  readonly table: DynamoDBDocumentClient;
  /** Its partition key is the string `key`; items past `expiresAt` (seconds since 1970) are removed. */
  readonly keysTable: string;
  /** How long a claim may take, in milliseconds. Default 5,000. */
  readonly timeoutMs?: number;
}

const KEPT_SECONDS = 2_592_000;

export function createIdempotencyKeys({
  table,
  keysTable,
  timeoutMs = 5_000,
}: IdempotencyKeysOptions): IdempotencyKeys {
  return {
    async claim(key, { orderKey, contentHash }) {
      const now = Math.floor(Date.now() / 1000);
      try {
        await table.send(
          new PutCommand({
            TableName: keysTable,
            Item: { key, orderKey, contentHash, expiresAt: now + KEPT_SECONDS },
            // What is past its time may be there for days yet.
            ConditionExpression:
              'attribute_not_exists(#key) OR expiresAt < :now OR (orderKey = :order AND contentHash = :hash)',
            ExpressionAttributeNames: { '#key': 'key' },
            ExpressionAttributeValues: { ':now': now, ':order': orderKey, ':hash': contentHash },
          }),
          { abortSignal: AbortSignal.timeout(timeoutMs) },
        );
        return true;
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return false;
        throw error;
      }
    },
  };
}

/** An ID of 128 bits that these parts always make, and others never. */
export function derivedId(...parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}
