import assert from 'node:assert/strict';
import { awsOf, stackEnvironment } from '../../dev/environment.ts';
import type { StackOutputs } from '../../dev/stack.ts';
import { OUTPUTS } from '../../infra/app.ts';
import type { Environment } from '../../src/platform/config.ts';

const outputs = {
  ...Object.fromEntries(OUTPUTS.map((name) => [name, `the-${name}`])),
  AuditQueueUrl: 'the-AuditQueueUrl',
} as StackOutputs;

/** Of somebody who also works with other services. */
const SURROUNDINGS: Environment = {
  PATH: '/bin',
  AWS_PROFILE: 'production',
  AWS_ACCESS_KEY_ID: 'AKIA-OF-PRODUCTION',
  AWS_ENDPOINT_URL_SQS: 'https://elsewhere.test',
  TEMPORAL_API_KEY: 'key-of-production',
  WAYBILL_BUILD_ID: '7',
  OTEL_EXPORTER_OTLP_ENDPOINT: 'https://elsewhere.test',
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:4318/v1/traces',
};

describe('the environment of the local processes', () => {
  function environment(env: Environment): Environment {
    const temporal = env['TEMPORAL_ADDRESS'] ?? '127.0.0.1:7233';
    const aws = awsOf(env, env['AWS_ENDPOINT_URL'] ?? 'http://127.0.0.1:4566');
    const addresses = {
      temporal,
      aws,
      provider: 'http://127.0.0.1:12111',
      issuer: 'http://127.0.0.1:12112',
      metrics: 'http://127.0.0.1:9464',
      apiPort: 8080,
    };
    return stackEnvironment(env, addresses, outputs);
  }

  it('leads to this stack and to nothing else', () => {
    const made = environment(SURROUNDINGS);
    assert.equal(made['PATH'], '/bin');
    assert.equal(made['AWS_ACCESS_KEY_ID'], 'test');
    assert.equal(made['TEMPORAL_ADDRESS'], '127.0.0.1:7233');
    assert.match(made['TEMPORAL_CONFIG_FILE'] ?? '', /dev\/temporal\.toml$/);
    for (const name of ['AWS_PROFILE', 'AWS_ENDPOINT_URL_SQS', 'TEMPORAL_API_KEY']) {
      assert.equal(made[name], undefined, name);
    }
    assert.equal(made['WAYBILL_BUILD_ID'], undefined);
  });

  it('sends metrics to this stack, and traces where the surroundings say', () => {
    const made = environment(SURROUNDINGS);
    assert.equal(made['OTEL_EXPORTER_OTLP_ENDPOINT'], undefined);
    assert.equal(made['OTEL_EXPORTER_OTLP_METRICS_ENDPOINT'], 'http://127.0.0.1:9464/v1/metrics');
    assert.equal(made['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'], 'http://127.0.0.1:4318/v1/traces');
    assert.equal(environment({})['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'], undefined);
  });

  it('has the seven source queues, and no other', () => {
    assert.equal(
      environment({})['WAYBILL_QUEUE_URLS'],
      'the-OrdersQueueUrl,the-PaymentsQueueUrl,the-PaymentsFifoQueueUrl,the-FulfilmentQueueUrl,' +
        'the-ReturnsQueueUrl,the-InventoryQueueUrl,the-OperationsQueueUrl',
    );
  });

  it("keeps a running service's own settings", () => {
    const made = environment({
      ...SURROUNDINGS,
      TEMPORAL_ADDRESS: 'temporal.test:7233',
      AWS_ENDPOINT_URL: 'http://aws.test',
      AWS_ACCESS_KEY_ID: '111111111111',
    });
    assert.equal(made['TEMPORAL_ADDRESS'], 'temporal.test:7233');
    assert.equal(made['TEMPORAL_API_KEY'], 'key-of-production');
    assert.equal(made['AWS_ENDPOINT_URL'], 'http://aws.test');
    assert.equal(made['AWS_ACCESS_KEY_ID'], '111111111111');
  });
});
