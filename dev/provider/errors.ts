import type { PaymentIntent } from './objects.ts';

export interface ErrorBody {
  readonly type: 'invalid_request_error' | 'card_error' | 'idempotency_error';
  readonly message: string;
  readonly code?: string;
  readonly decline_code?: string;
  readonly param?: string;
  readonly charge?: string;
  readonly payment_intent?: PaymentIntent;
}

/** A refusal in Stripe's shape. */
export class ProviderError extends Error {
  readonly status: number;
  readonly body: ErrorBody;
  /**
   * Whether the endpoint had begun to execute: then the answer is kept with the idempotency key. What fails
   * validation is not kept, so that the key can be used again with better parameters.
   */
  readonly executed: boolean;

  constructor(status: number, body: ErrorBody, executed = false) {
    super(body.message);
    this.status = status;
    this.body = body;
    this.executed = executed;
  }
}

export function invalidParameter(param: string, message: string, code?: string): ProviderError {
  const type = 'invalid_request_error';
  return new ProviderError(400, { type, message, param, ...(code && { code }) });
}

export function notFound(kind: string, id: string, param: string, status = 404): ProviderError {
  return new ProviderError(status, {
    type: 'invalid_request_error',
    code: 'resource_missing',
    message: `No such ${kind}: '${id}'`,
    param,
  });
}

/** The intent is in a state that does not allow this; its present state comes along. */
export function unexpectedState(intent: PaymentIntent, message: string): ProviderError {
  const code = 'payment_intent_unexpected_state';
  const type = 'invalid_request_error';
  return new ProviderError(400, { type, code, message, payment_intent: intent }, true);
}
