import type { FastifyInstance } from 'fastify';
import { createApi, type ApiDependencies } from '../../src/api/app.ts';
import { SCOPES, type Caller } from '../../src/api/caller.ts';
import { createIdempotencyKeys } from '../../src/api/idempotency.ts';
import { createOrderStore } from '../../src/api/orderStore.ts';
import { Problem } from '../../src/api/problems.ts';
import { contentHash } from '../../src/bridges/contentHash.ts';
import { startOnce } from '../../src/bridges/index.ts';
import { parseJson } from '../../src/bridges/json.ts';
import { DEFAULT_POLICY, DEFAULT_RETURN_POLICY } from '../../src/domain/policy.ts';
import { createLogger } from '../../src/platform/logger.ts';
import type { OrderService } from './orderService.ts';

/** The API of these parts. Whoever says to be `customer:c-1`, `seller:s-1` or `staff:ana` is taken for it. */
export async function createOrdersApi(
  parts: Partial<ApiDependencies>,
  log: (line: string) => void = () => undefined,
): Promise<FastifyInstance> {
  const notAsked = (): never => {
    throw new Error('a part was asked that is not there');
  };
  const absent = new Proxy({}, { get: notAsked }) as never;
  return await createApi({
    authenticate,
    protection: { origins: [], requestsPerMinute: 1_000_000 },
    docs: false,
    parseJson,
    hash: contentHash,
    logger: createLogger({ process: 'api', level: 'info', destination: { write: log } }),
    orderPolicy: DEFAULT_POLICY,
    returnPolicy: DEFAULT_RETURN_POLICY,
    ingress: {
      enqueue: notAsked,
      stripeWebhookSecret: undefined,
      retrieveIntent: notAsked,
      snsTopicArns: [],
      fetch: notAsked,
    },
    temporal: absent,
    orders: absent,
    keys: absent,
    startOnce: notAsked,
    readRows: notAsked,
    checkTemporal: notAsked,
    ...parts,
  });
}

/** The same parts as in production, on the tables and the Temporal of a running order service. */
export function partsOf({
  client,
  table,
  outputs,
}: Pick<OrderService, 'client' | 'table' | 'outputs'>) {
  return {
    temporal: client,
    startOnce: (start) => startOnce(client.workflow, start),
    orders: createOrderStore({
      table,
      ordersTable: outputs.OrdersTable,
      sellersTable: outputs.SellersTable,
      returnsTable: outputs.ReturnsTable,
    }),
    keys: createIdempotencyKeys({ table, keysTable: outputs.KeysTable }),
  } satisfies Partial<ApiDependencies>;
}

async function authenticate(authorization: string | undefined): Promise<Caller> {
  const [, role, id = ''] =
    /^Bearer (customer|seller|staff):(\S+)$/.exec(authorization ?? '') ?? [];
  const shared = { name: `${role}:${id}`, scopes: new Set(SCOPES) };
  switch (role) {
    case 'customer':
      return { ...shared, role, customerId: id };
    case 'seller':
      return { ...shared, role, sellerId: id };
    case 'staff':
      return { ...shared, role };
    default:
      throw new Problem('unauthenticated', 'expected somebody');
  }
}

export interface Question {
  readonly body?: object;
  readonly key?: string;
  readonly prefer?: string;
}

/** Asks an API as somebody: `customer:c-1`. */
export function asking(app: FastifyInstance) {
  return async (
    who: string,
    method: 'GET' | 'POST',
    url: string,
    { body, key, prefer }: Question = {},
  ) => {
    const response = await app.inject({
      method,
      url,
      headers: {
        authorization: `Bearer ${who}`,
        ...(key !== undefined && { 'idempotency-key': key }),
        ...(prefer !== undefined && { prefer }),
      },
      ...(body && { payload: body }),
    });
    return {
      status: response.statusCode,
      headers: response.headers,
      body: response.json(),
    };
  };
}

export type Ask = ReturnType<typeof asking>;

/** The code of a problem. */
export function codeOf(body: { readonly type?: string }): string | undefined {
  return body.type?.replace('urn:waybill:problem:', '');
}
