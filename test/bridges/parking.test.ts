import assert from 'node:assert/strict';
import type { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { parkMessage } from '../../src/bridges/parking.ts';
import { capturingLogger } from '../support/bridge.ts';

describe('parkMessage', () => {
  it('writes a note of characters that SQS takes, and keeps tenant and trace', async () => {
    const sent: SendMessageCommand[] = [];
    const send = async (command: SendMessageCommand) => void sent.push(command);
    const message = {
      Body: '{}',
      MessageId: 'm',
      Attributes: { MessageGroupId: 'seller', AWSTraceHeader: 'Root=1' },
    };
    const note = {
      code: 'unknown-type',
      reason: 'no route takes type \uFFFF',
      route: null,
      eventId: null,
      workflowId: null,
      messageId: 'm',
      firstSeen: '2026-01-01T00:00:00.000Z',
      receives: 1,
    } as const;
    await parkMessage(
      { send } as unknown as SQSClient,
      { url: 'u', name: 'q', fifo: false, deadLetterUrl: 'd' },
      message,
      note,
      capturingLogger().logger,
    );
    const input = sent[0]?.input;
    const text = input?.MessageAttributes?.['waybill']?.StringValue ?? '';
    assert.match(text, /^[\x20-\x7e]+$/);
    assert.deepEqual(JSON.parse(text), note);
    assert.equal(input?.MessageGroupId, 'seller');
    assert.equal(input?.MessageDeduplicationId, undefined);
    assert.equal(input?.MessageSystemAttributes?.AWSTraceHeader?.StringValue, 'Root=1');
  });
});
