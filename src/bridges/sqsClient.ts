import { SQSClient } from '@aws-sdk/client-sqs';
import { AWS_DEADLINES } from '../contracts/awsDeadlines.ts';

/** A client as the AWS SDK's own environment variables describe it, with deadlines. */
export function defaultSqs(): SQSClient {
  return new SQSClient(AWS_DEADLINES);
}

/** The longest that a call other than a receive may take, whatever deadlines its client has, in milliseconds. */
const LONGEST_CALL = 15_000;

/** Options of one call: a connection that has gone silent must not keep a message in hand for ever. */
export function inTime(): { readonly abortSignal: AbortSignal } {
  return { abortSignal: AbortSignal.timeout(LONGEST_CALL) };
}
