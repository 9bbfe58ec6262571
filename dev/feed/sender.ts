import { appendFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { PutEventsCommand, type EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { disputeWorkflowId } from '../../src/contracts/disputes.ts';
import { EVENTS, type EventData, type SOURCES } from '../../src/contracts/events.ts';
import { orderWorkflowId, type PlacedOrder } from '../../src/contracts/orders.ts';
import { restockWorkflowId } from '../../src/contracts/restock.ts';
import { returnWorkflowId } from '../../src/contracts/returns.ts';
import type { SentEvent } from '../../src/console/account.ts';
import { BETWEEN_TRIES, patiently } from './patience.ts';
import type { SampleEvent } from './scenarios.ts';

export interface Destinations {
  readonly eventBusName: string;
  /** Where a source's events go without the bus. */
  readonly queueUrls: Readonly<Record<(typeof SOURCES)[keyof typeof SOURCES], string>>;
  readonly fifoQueueUrl: string;
  /** The orders API's base URL. */
  readonly apiUrl: string;
}

export interface SenderOptions {
  readonly eventBridge: EventBridgeClient;
  readonly sqs: SQSClient;
  readonly destinations: Destinations;
  /** Answers a token by which the API takes orders and cancellations from anybody. */
  readonly token: () => Promise<string>;
  /** For how long the API is asked again while it does not answer, in milliseconds: what is overloaded decides late. */
  readonly patience: number;
  /** Every event is noted here before it is sent: the audit accounts for each. */
  readonly manifest: string;
}

/** Sends sample events each its own way, noting them first. Throws when one was not taken. */
export function createSender(options: SenderOptions) {
  const { eventBridge, sqs, destinations, token, patience, manifest } = options;
  const note = (sent: SentEvent) => appendFileSync(manifest, `${JSON.stringify(sent)}\n`);

  async function send(event: SampleEvent): Promise<void> {
    const { type, data, eventId, way } = event;
    const { source } = EVENTS[type];
    const workflowId = workflowIdOf(data);
    if (way === 'api') return await sendToApi(event, workflowId);
    note({ id: `${source}:${eventId}`, type, orderKey: workflowId });
    if (way === 'bus') return await put(source, type, { eventId, ...data });
    await sendText(event, JSON.stringify({ source, type, eventId, data }));
  }

  async function sendText({ type, data, eventId, way }: SampleEvent, text: string): Promise<void> {
    const { source } = EVENTS[type];
    await patiently(() =>
      sqs.send(
        new SendMessageCommand({
          QueueUrl: way === 'fifo' ? destinations.fifoQueueUrl : destinations.queueUrls[source],
          MessageBody: text,
          ...(way === 'fifo' && {
            MessageGroupId: workflowIdOf(data),
            MessageDeduplicationId: eventId,
          }),
        }),
      ),
    );
  }

  async function put(source: string, type: string, detail: object): Promise<void> {
    const { FailedEntryCount, Entries } = await patiently(() =>
      eventBridge.send(
        new PutEventsCommand({
          Entries: [
            {
              EventBusName: destinations.eventBusName,
              Source: source,
              DetailType: type,
              Detail: JSON.stringify(detail),
            },
          ],
        }),
      ),
    );
    if (FailedEntryCount) throw new Error(`the bus refused ${type}: ${JSON.stringify(Entries)}`);
  }

  async function sendToApi(event: SampleEvent, orderKey: string): Promise<void> {
    const { type, data, eventId } = event;
    if (type === 'OrderPlaced') {
      const { version: _, ...body } = data as PlacedOrder;
      // What the API makes of order and key.
      note({ id: `api:${body.channel}:${body.orderId}/${eventId}`, type, orderKey });
      return await post('/orders', eventId, body);
    }
    if (type !== 'OrderCancelled') throw new Error(`${type} has no way through the API`);
    // Who asks is in the token.
    const { channel, orderId, reason } = data as EventData<'OrderCancelled'>;
    return await post(`/orders/${channel}:${orderId}/cancel`, eventId, { reason });
  }

  /** Asks again under the same key while nobody answers, as a caller of the API should. */
  async function post(path: string, idempotencyKey: string, body: object): Promise<void> {
    const deadline = Date.now() + patience;
    for (;;) {
      const response = await fetch(new URL(path, destinations.apiUrl), {
        method: 'POST',
        headers: {
          authorization: `Bearer ${await token()}`,
          'content-type': 'application/json',
          'idempotency-key': idempotencyKey,
        },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(10_000),
      }).catch(() => undefined);
      if (response?.ok) return;
      const answer = response ? `${response.status} ${await response.text()}` : 'no answer';
      if ((response && response.status < 500) || Date.now() > deadline) {
        throw new Error(`POST ${path}: ${answer}`);
      }
      await delay(BETWEEN_TRIES);
    }
  }

  return {
    send,
    post,

    /** Sends a text that is no event to the queue of one, past the bus. */
    sendText,
    /** Puts something on the bus that is not a canonical event, under an ID of its own. */
    async sendMalformed(source: string, type: string, eventId: string, data: object) {
      note({ id: `${source}:${eventId}`, type, orderKey: null });
      await put(source, type, { eventId, ...data });
    },
  };
}

export type Sender = ReturnType<typeof createSender>;

/** The workflow that an event is about. */
function workflowIdOf(data: SampleEvent['data']): string {
  if ('returnId' in data) return returnWorkflowId(data.returnId);
  if ('sku' in data) return restockWorkflowId(data.sku);
  return 'disputeId' in data ? disputeWorkflowId(data.disputeId) : orderWorkflowId(data);
}
