import { isDeepStrictEqual } from 'node:util';
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { GetCommand, PutCommand, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import {
  QueryNotRegisteredError,
  QueryRejectedError,
  WorkflowNotFoundError,
  type Client,
} from '@temporalio/client';
import {
  orderItem,
  sellerItems,
  type OrderItem,
  type SellerItem,
} from '../contracts/orderItems.ts';
import { orderQuery, type OrderRow } from '../contracts/orders.ts';

export interface ReprojectOptions {
  readonly temporal: Client;
  readonly table: DynamoDBDocumentClient;
  readonly ordersTable: string;
  readonly sellersTable: string;
  /** Only say what differs. */
  readonly dryRun: boolean;
}

/** What became of one order's row. */
export interface Reprojected {
  readonly workflowId: string;
  /**
   * `agrees`: nothing was to do. `differs`: it would be rebuilt, if this were no dry run. `impossible`: it cannot be
   * told what the row should be, see `reason`.
   */
  readonly outcome: 'agrees' | 'rebuilt' | 'differs' | 'impossible';
  readonly reason: string | null;
  /** What differs: `state: shipped -> fulfilling`, `seller s-1: missing`. */
  readonly changes: readonly string[];
}

/** An order that changes each time it is looked at is given up after so many looks; its workflow writes it anyway. */
const LOOKS = 5;

/**
 * Makes an order's row, and its sellers' items, what its workflow says they are, if they are missing or differ.
 *
 * The row is read before the workflow is asked, and written only if it is still the one that was read: what the
 * workflow writes meanwhile stays. What a workflow tells is never older than what it had written before it was asked;
 * so a row that is ahead of it is not from it, and is replaced like every other that differs.
 */
export async function reproject(
  options: ReprojectOptions,
  workflowId: string,
): Promise<Reprojected> {
  const { table, ordersTable, sellersTable, dryRun } = options;
  const told = (
    outcome: Reprojected['outcome'],
    changes: readonly string[] = [],
    reason: string | null = null,
  ): Reprojected => ({ workflowId, outcome, reason, changes });

  for (let look = 1; look <= LOOKS; look += 1) {
    const stored = await read(table, ordersTable, { orderKey: workflowId });
    const row = await ask(options.temporal, workflowId);
    if (typeof row === 'string') return told('impossible', [], row);
    if (row.state === 'duplicate' || isForeign(stored, row)) {
      return told('impossible', [], 'the row is of another start of this order');
    }

    const item = orderItem(row);
    const changes = stored ? differences(stored, item) : ['row: missing'];
    const missing = await missingSellers(options, sellerItems(row));
    const all = [...changes, ...missing.map(({ sellerId }) => `seller ${sellerId}: missing`)];
    if (all.length === 0) return told('agrees');
    if (dryRun) return told('differs', all);

    if (changes.length > 0 && !(await replace(options, stored, item))) continue;
    for (const seller of missing) {
      await table.send(new PutCommand({ TableName: sellersTable, Item: { ...seller } }));
    }
    return told('rebuilt', all);
  }
  return told('impossible', [], 'the row changed each time it was read');
}

type Stored = Readonly<Record<string, unknown>>;

async function read(
  table: DynamoDBDocumentClient,
  TableName: string,
  Key: Record<string, string>,
): Promise<Stored | undefined> {
  const { Item } = await table.send(new GetCommand({ TableName, Key, ConsistentRead: true }));
  return Item;
}

/** @returns a text that says why, where the workflow cannot tell. */
async function ask({ workflow }: Client, workflowId: string): Promise<OrderRow | string> {
  try {
    return await workflow.getHandle(workflowId).query(orderQuery);
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'Temporal has no such workflow (any more)';
    if (error instanceof QueryRejectedError || error instanceof QueryNotRegisteredError) {
      return `its workflow does not tell: ${error.message}`;
    }
    throw error;
  }
}

/** An order is one start's alone; a row that names nobody is nobody's. */
function isForeign(stored: Stored | undefined, row: OrderRow): boolean {
  const owner = stored?.['claimedBy'];
  return typeof owner === 'string' && owner !== row.claimedBy;
}

/** Writes an item in place of the one that was read. @returns false where that is not there any more. */
async function replace(
  { table, ordersTable }: ReprojectOptions,
  stored: Stored | undefined,
  item: OrderItem,
): Promise<boolean> {
  try {
    await table.send(
      new PutCommand({ TableName: ordersTable, Item: { ...item }, ...isStill(stored) }),
    );
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}

/** That the item is the one that was read, by whose it is and how far it has come. */
function isStill(stored: Stored | undefined) {
  if (!stored) return { ConditionExpression: 'attribute_not_exists(orderKey)' };
  const { claimedBy, revision } = stored;
  return {
    ConditionExpression: [
      claimedBy === undefined ? 'attribute_not_exists(claimedBy)' : 'claimedBy = :claimedBy',
      revision === undefined ? 'attribute_not_exists(revision)' : 'revision = :revision',
    ].join(' AND '),
    ...((claimedBy !== undefined || revision !== undefined) && {
      ExpressionAttributeValues: {
        ...(claimedBy !== undefined && { ':claimedBy': claimedBy }),
        ...(revision !== undefined && { ':revision': revision }),
      },
    }),
  };
}

async function missingSellers(
  { table, sellersTable }: ReprojectOptions,
  items: readonly SellerItem[],
): Promise<readonly SellerItem[]> {
  const found = await Promise.all(
    items.map(({ sellerId, placed }) => read(table, sellersTable, { sellerId, placed })),
  );
  return items.filter((item, index) => !isDeepStrictEqual(found[index], item));
}

function differences(stored: Stored, item: OrderItem): readonly string[] {
  const should = JSON.parse(JSON.stringify(item)) as Stored;
  const names = new Set([...Object.keys(should), ...Object.keys(stored)]);
  return [...names]
    .filter((name) => !isDeepStrictEqual(stored[name], should[name]))
    .map((name) => `${name}: ${shown(stored[name])} -> ${shown(should[name])}`);
}

/** Of what is longer than a line, only that it is. */
function shown(value: unknown): string {
  if (value === undefined) return 'absent';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (text.length <= 60) return text;
  return Array.isArray(value) ? `${value.length} entries` : `${text.length} characters`;
}
