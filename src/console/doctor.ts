import {
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  QueueDoesNotExist,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { isGrpcServiceError, type Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import type { ExpectedAttribute, NamespaceFacts } from './namespaceChecks.ts';
import type { QueueFacts, SourceFacts } from './queueChecks.ts';
import { depthOf } from './queues.ts';

/** Reads how a source queue and its dead-letter queue are set up. */
export async function readSourceFacts(sqs: SQSClient, url: string): Promise<SourceFacts> {
  const queue = await readQueueFacts(sqs, url);
  const deadLetterName = queue?.redrive?.deadLetterArn.split(':').at(-1);
  return {
    name: queue?.name ?? url.split('/').at(-1) ?? url,
    queue,
    deadLetter: deadLetterName ? await readNamed(sqs, url, deadLetterName) : null,
  };
}

async function readNamed(
  sqs: SQSClient,
  sourceUrl: string,
  QueueName: string,
): Promise<QueueFacts | null> {
  const found = await orNull(() => sqs.send(new GetQueueUrlCommand({ QueueName })));
  // The SDK speaks to the host that a queue's URL names: both queues are on the same.
  return found?.QueueUrl === undefined
    ? null
    : await readQueueFacts(sqs, new URL(new URL(found.QueueUrl).pathname, sourceUrl).href);
}

async function readQueueFacts(sqs: SQSClient, QueueUrl: string): Promise<QueueFacts | null> {
  const found = await orNull(() =>
    sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] })),
  );
  if (found === null) return null;
  const { Attributes = {} } = found;
  const arn = Attributes.QueueArn ?? '';
  const { waiting, inFlight } = depthOf(Attributes);
  const redrive = parse<{ deadLetterTargetArn?: string; maxReceiveCount?: number | string }>(
    Attributes.RedrivePolicy,
  );
  const allowed = parse<{ redrivePermission?: string; sourceQueueArns?: readonly string[] }>(
    Attributes.RedriveAllowPolicy,
  );
  return {
    name: arn.split(':').at(-1) ?? '',
    arn,
    // From the name, which AWS holds to it: the attribute is absent from a standard queue.
    fifo: arn.endsWith('.fifo'),
    messages: waiting + inFlight,
    retention: Number(Attributes.MessageRetentionPeriod ?? 345_600),
    key: customerKey(Attributes.KmsMasterKeyId),
    redrive:
      redrive?.deadLetterTargetArn === undefined
        ? null
        : {
            deadLetterArn: redrive.deadLetterTargetArn,
            maxReceiveCount: Number(redrive.maxReceiveCount),
          },
    admits: admitted(allowed),
  };
}

/** The same key may be given by its ID and by its ARN. */
function customerKey(given = ''): string | null {
  const key = given.replace(/^arn:[^:]+:kms:[^:]*:[^:]*:(?:key\/)?/, '');
  return key === '' || key === 'alias/aws/sqs' ? null : key;
}

function admitted(
  policy: { redrivePermission?: string; sourceQueueArns?: readonly string[] } | null,
): QueueFacts['admits'] {
  if (policy?.redrivePermission === 'denyAll') return 'none';
  return policy?.redrivePermission === 'byQueue' ? (policy.sourceQueueArns ?? []) : 'all';
}

function parse<Value>(text: string | undefined): Value | null {
  return text ? (JSON.parse(text) as Value) : null;
}

async function orNull<Answer>(ask: () => Promise<Answer>): Promise<Answer | null> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof QueueDoesNotExist) return null;
    throw error;
  }
}

/** gRPC's status code. */
const NOT_FOUND = 5;

/**
 * Reads how a namespace is set up; null: there is no such namespace.
 *
 * @param expected - without any, Temporal is not asked for search attributes: it takes a permission of its own.
 */
export async function readNamespaceFacts(
  connection: Connection,
  namespace: string,
  expected: readonly ExpectedAttribute[],
): Promise<NamespaceFacts | null> {
  try {
    const { config } = await connection.workflowService.describeNamespace({ namespace });
    const { customAttributes } =
      expected.length === 0
        ? {}
        : await connection.operatorService.listSearchAttributes({ namespace });
    return {
      name: namespace,
      retention: Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0),
      searchAttributes: Object.fromEntries(
        Object.entries(customAttributes ?? {}).map(([name, type]) => [name, typeName(type)]),
      ),
    };
  } catch (error) {
    if (isGrpcServiceError(error) && Number(error.code) === NOT_FOUND) return null;
    throw error;
  }
}

/** `Keyword`, as Temporal's command line names it. */
function typeName(type: number): string {
  const name = proto.temporal.api.enums.v1.IndexedValueType[type] ?? '';
  return name
    .replace(/^INDEXED_VALUE_TYPE_/, '')
    .toLowerCase()
    .replaceAll(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase());
}
