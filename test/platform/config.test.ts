import assert from 'node:assert/strict';
import { DEFAULT_POLICY, DEFAULT_RETURN_POLICY } from '../../src/domain/policy.ts';
import { describeConfig, loadConfig, type Environment } from '../../src/platform/config.ts';
import { UserError } from '../../src/platform/errors.ts';

const SECRET = 'sk_test_do_not_show';

const WORKER: Environment = {
  WAYBILL_ORDERS_TABLE: 'orders',
  WAYBILL_SELLERS_TABLE: 'sellers',
  WAYBILL_STOCK_TABLE: 'stock',
  WAYBILL_PAYMENTS_TABLE: 'payments',
  WAYBILL_RETURNS_TABLE: 'returns',
  WAYBILL_BACK_ORDERS_TABLE: 'back-orders',
  WAYBILL_EVENT_BUS_NAME: 'waybill',
  WAYBILL_SCREENING_URL: 'https://screening.example',
  WAYBILL_CARRIER_URL: 'https://carrier.example',
  WAYBILL_SUPPLIER_URL: 'https://supplier.example',
  WAYBILL_NOTIFICATIONS_TOPIC_ARN: 'arn:aws:sns:eu-west-1:123456789012:order-notifications',
  WAYBILL_STRIPE_API_KEY: SECRET,
  WAYBILL_QUEUE_URLS: 'http://127.0.0.1:4566/1/orders',
};

const BRIDGE: Environment = {
  WAYBILL_QUEUE_URLS: 'http://127.0.0.1:4566/1/orders, http://127.0.0.1:4566/1/payments.fifo',
};

const API: Environment = {
  WAYBILL_ORDERS_TABLE: 'orders',
  WAYBILL_SELLERS_TABLE: 'sellers',
  WAYBILL_RETURNS_TABLE: 'returns',
  WAYBILL_KEYS_TABLE: 'keys',
  WAYBILL_PAYMENTS_QUEUE_URL: 'http://127.0.0.1:4566/1/payments.fifo',
  WAYBILL_INGRESS_QUEUE_URL: 'http://127.0.0.1:4566/1/orders',
  WAYBILL_OIDC_ISSUER: 'https://id.example',
  WAYBILL_OIDC_AUDIENCE: 'waybill',
  WAYBILL_OIDC_JWKS_URL: 'https://id.example/jwks.json',
};

function refusal(load: () => unknown): UserError {
  try {
    load();
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    return error;
  }
  return assert.fail('the configuration was accepted');
}

describe('loadConfig', () => {
  it('gives a process what it needs, with defaults, and nothing of other processes', () => {
    const config = loadConfig('worker', WORKER);
    assert.deepEqual(config, {
      ordersTable: 'orders',
      sellersTable: 'sellers',
      stockTable: 'stock',
      paymentsTable: 'payments',
      returnsTable: 'returns',
      backOrdersTable: 'back-orders',
      notificationsTopicArn: 'arn:aws:sns:eu-west-1:123456789012:order-notifications',
      eventBusName: 'waybill',
      screeningUrl: 'https://screening.example',
      carrierUrl: 'https://carrier.example',
      supplierUrl: 'https://supplier.example',
      stripeApiKey: SECRET,
      stripeBaseUrl: 'https://api.stripe.com',
      queueUrls: ['http://127.0.0.1:4566/1/orders'],
      workflowBundle: undefined,
      buildId: undefined,
      healthHost: '127.0.0.1',
      healthPort: undefined,
      graceSeconds: 20,
      logLevel: 'info',
    });
  });

  it('looks at nothing that a process does not need', () => {
    const config = loadConfig('bridge', { ...BRIDGE, WAYBILL_API_PORT: 'nonsense' });
    assert.deepEqual(config.queueUrls, [
      'http://127.0.0.1:4566/1/orders',
      'http://127.0.0.1:4566/1/payments.fifo',
    ]);
    assert.equal(config.earlyLimitSeconds, 900);
    assert.deepEqual(config.orderPolicy, DEFAULT_POLICY);
  });

  it('takes a part of the order policy and leaves the rest as it is by default', () => {
    const { orderPolicy } = loadConfig('bridge', {
      ...BRIDGE,
      WAYBILL_ORDER_POLICY: '{"paymentMethodWithinSeconds":3}',
    });
    assert.deepEqual(orderPolicy, { ...DEFAULT_POLICY, paymentMethodWithinSeconds: 3 });
  });

  it('gives the API what it needs; without a secret or a topic no webhook or subscription is taken', () => {
    const config = loadConfig('api', API);
    const { stripeWebhookSecret, snsTopicArns, apiOrigins, apiDocs, returnPolicy } = config;
    assert.deepEqual(
      { stripeWebhookSecret, snsTopicArns, apiOrigins, apiDocs, returnPolicy },
      {
        stripeWebhookSecret: undefined,
        snsTopicArns: [],
        apiOrigins: [],
        apiDocs: 'off',
        returnPolicy: DEFAULT_RETURN_POLICY,
      },
    );
    assert.equal(config.apiRequestsPerMinute, 600);
    const topic = 'arn:aws:sns:eu-west-1:123456789012:carrier';
    const given = loadConfig('api', {
      ...API,
      WAYBILL_SNS_TOPIC_ARNS: `${topic}, ${topic}-2`,
      WAYBILL_API_ORIGINS: 'https://shop.example',
      WAYBILL_RETURN_POLICY: '{"goodsWithinSeconds":3}',
    });
    assert.deepEqual(given.snsTopicArns, [topic, `${topic}-2`]);
    assert.deepEqual(given.apiOrigins, ['https://shop.example']);
    assert.deepEqual(given.returnPolicy, { ...DEFAULT_RETURN_POLICY, goodsWithinSeconds: 3 });
  });

  it('takes no key set from a host that only looks like this machine', () => {
    const url = 'http://localhost:x@evil.example/jwks.json';
    assert.throws(
      () => loadConfig('api', { ...API, WAYBILL_OIDC_JWKS_URL: url }),
      /WAYBILL_OIDC_JWKS_URL: expected an https URL/,
    );
  });

  for (const [variable, text] of [
    ['WAYBILL_OIDC_JWKS_URL', 'http://id.example/jwks.json'],
    ['WAYBILL_OIDC_JWKS_URL', 'http://127.0.0.1.example/jwks.json'],
    ['WAYBILL_OIDC_ISSUER', 'id.example'],
    ['WAYBILL_SNS_TOPIC_ARNS', 'arn:aws:sqs:eu-west-1:123456789012:carrier'],
    ['WAYBILL_API_ORIGINS', '*'],
    ['WAYBILL_API_ORIGINS', 'https://shop.example/'],
    ['WAYBILL_API_REQUESTS_PER_MINUTE', '0'],
    ['WAYBILL_API_DOCS', 'true'],
    ['WAYBILL_RETURN_POLICY', '{"goodsWithinSeconds":0}'],
    ['WAYBILL_PAYMENTS_QUEUE_URL', 'payments.fifo'],
    // The kinds take different messages: each event would be refused, and its sender told to come again.
    ['WAYBILL_PAYMENTS_QUEUE_URL', 'http://127.0.0.1:4566/1/payments'],
    ['WAYBILL_INGRESS_QUEUE_URL', 'http://127.0.0.1:4566/1/payments.fifo'],
  ] as const) {
    it(`refuses the API ${variable}=${text}`, () => {
      const { message } = refusal(() => loadConfig('api', { ...API, [variable]: text }));
      assert.ok(message.includes(`${variable}: expected `), message);
      assert.ok(message.includes(`received ${JSON.stringify(text)}`), message);
    });
  }

  it('fetches keys in the clear from this machine alone', () => {
    for (const host of ['127.0.0.1:8081', 'localhost']) {
      const url = `http://${host}/jwks.json`;
      assert.equal(loadConfig('api', { ...API, WAYBILL_OIDC_JWKS_URL: url }).oidcKeySetUrl, url);
    }
  });

  it('is frozen, all the way down, and leaves the defaults as they are', () => {
    const config = loadConfig('bridge', BRIDGE);
    assert.ok(Object.isFrozen(config));
    assert.ok(Object.isFrozen(config.queueUrls));
    assert.ok(Object.isFrozen(config.orderPolicy));
    assert.notEqual(config.orderPolicy, DEFAULT_POLICY);
  });

  it('names every variable that is wrong, what was expected and what came', () => {
    const { message, hint } = refusal(() =>
      loadConfig('worker', {
        ...WORKER,
        WAYBILL_STOCK_TABLE: '',
        WAYBILL_GRACE_SECONDS: '0',
        WAYBILL_LOG_LEVEL: 'loud',
      }),
    );
    assert.match(message, /^worker cannot start/);
    assert.match(
      message,
      /WAYBILL_STOCK_TABLE: expected a name of 1 to 255 characters, received nothing/,
    );
    assert.match(message, /WAYBILL_GRACE_SECONDS: expected whole seconds, 1 to 110, received "0"/);
    assert.match(message, /WAYBILL_LOG_LEVEL: expected trace, debug, .*, received "loud"/);
    assert.doesNotMatch(message, /WAYBILL_ORDERS_TABLE|\n/);
    assert.match(hint, /waybill config/);
  });

  for (const [variable, text] of [
    ['WAYBILL_QUEUE_URLS', 'orders,payments'],
    ['WAYBILL_QUEUE_URLS', 'http://127.0.0.1/1/orders,'],
    ['WAYBILL_QUEUE_URLS', 'file:///etc/passwd'],
    ['WAYBILL_ORDER_POLICY', 'soon'],
    ['WAYBILL_ORDER_POLICY', '[]'],
    ['WAYBILL_ORDER_POLICY', '{"paymentWithinSeconds":3}'],
    ['WAYBILL_ORDER_POLICY', '{"paymentMethodWithinSeconds":1e400}'],
    ['WAYBILL_ORDER_POLICY', '{"paymentMethodWithinSeconds":0}'],
    ['WAYBILL_EARLY_LIMIT_SECONDS', '1.5'],
    ['WAYBILL_EARLY_LIMIT_SECONDS', '-1'],
  ] as const) {
    it(`refuses ${variable}=${text}`, () => {
      const { message } = refusal(() => loadConfig('bridge', { ...BRIDGE, [variable]: text }));
      assert.ok(message.includes(`${variable}: expected `), message);
      assert.ok(message.includes(`received ${JSON.stringify(text)}`), message);
    });
  }

  it('never prints a secret, nor a password in a URL', () => {
    const { message } = refusal(() =>
      loadConfig('worker', {
        ...WORKER,
        WAYBILL_STRIPE_API_KEY: undefined,
        WAYBILL_STRIPE_BASE_URL: 'ftp://me:hunter2@example.com',
      }),
    );
    assert.match(
      message,
      /WAYBILL_STRIPE_API_KEY: expected an API key of Stripe, received nothing/,
    );
    assert.match(message, /received "ftp:\/\/\*+@example.com"/);
  });
});

describe('describeConfig', () => {
  const lines = describeConfig({
    ...WORKER,
    WAYBILL_LOG_LEVEL: 'loud',
    TEMPORAL_ADDRESS: '127.0.0.1:7233',
    TEMPORAL_API_KEY: SECRET,
    TEMPORAL_GRPC_META_AUTHORIZATION: SECRET,
    AWS_ACCESS_KEY_ID: '000000000000',
    AWS_SECRET_ACCESS_KEY: SECRET,
    AWS_ENDPOINT_URL: `http://me:${SECRET}@127.0.0.1:4566`,
    AWS_SOMETHING_NEW: SECRET,
    HOME: '/home/me',
  });
  const byVariable = new Map(lines.map((line) => [line.variable, line]));

  it('shows what is in force and where it comes from', () => {
    const shown = (variable: string) => {
      const line = byVariable.get(variable);
      return [line?.text, line?.from];
    };
    assert.deepEqual(shown('WAYBILL_ORDERS_TABLE'), ['orders', 'environment']);
    assert.deepEqual(shown('WAYBILL_API_PORT'), ['8080', 'default']);
    assert.deepEqual(shown('WAYBILL_KEYS_TABLE'), [null, 'not set']);
    assert.deepEqual(shown('TEMPORAL_ADDRESS'), ['127.0.0.1:7233', 'environment']);
    assert.deepEqual(shown('AWS_ACCESS_KEY_ID'), ['000000000000', 'environment']);
    assert.equal(byVariable.has('HOME'), false);
  });

  it('says what is wrong, where something is', () => {
    assert.match(byVariable.get('WAYBILL_LOG_LEVEL')?.problem ?? '', /received "loud"/);
    assert.equal(byVariable.get('WAYBILL_KEYS_TABLE')?.problem, null);
    assert.equal(byVariable.get('WAYBILL_STRIPE_API_KEY')?.problem, null);
  });

  it('shows no secret, whoever it belongs to', () => {
    assert.equal(JSON.stringify(lines).includes(SECRET), false);
    assert.equal(byVariable.get('AWS_SECRET_ACCESS_KEY')?.from, 'environment');
  });
});
