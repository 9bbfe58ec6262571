import assert from 'node:assert/strict';
import {
  ServiceError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import proto from '@temporalio/proto';
import { CodecError, nameRefusal } from '../../src/bridges/answer.ts';

/** As the client throws it: gRPC's error within its own. */
function refusal(code: number, details = ''): Error {
  const cause = Object.assign(new Error(`${code}: ${details}`), { code, details, metadata: {} });
  return new ServiceError('Failed to start workflow', { cause });
}

const { ResourceExhaustedCause } = proto.temporal.api.enums.v1;
const { ResourceExhaustedFailure } = proto.temporal.api.errordetails.v1;

/** With the cause in the details of its status, as the service sends it. */
function exhausted(cause: number): Error {
  const status = proto.google.rpc.Status.encode({
    code: 8,
    details: [
      {
        type_url: 'type.googleapis.com/temporal.api.errordetails.v1.ResourceExhaustedFailure',
        value: ResourceExhaustedFailure.encode({ cause }).finish(),
      },
    ],
  }).finish();
  const error = refusal(8, 'exhausted');
  Object.assign(error.cause as object, { metadata: { get: () => [Buffer.from(status)] } });
  return error;
}

describe('nameRefusal', () => {
  for (const [what, error, name] of [
    ['UNAVAILABLE', refusal(14), 'unavailable'],
    ['DEADLINE_EXCEEDED', refusal(4), 'unavailable'],
    ['PERMISSION_DENIED', refusal(7), 'denied'],
    ['UNAUTHENTICATED', refusal(16), 'denied'],
    ['RESOURCE_EXHAUSTED', refusal(8, 'namespace rate limit exceeded'), 'throttled'],
    [
      'a busy workflow',
      exhausted(ResourceExhaustedCause.RESOURCE_EXHAUSTED_CAUSE_BUSY_WORKFLOW),
      'busy',
    ],
    [
      'an overloaded service',
      exhausted(ResourceExhaustedCause.RESOURCE_EXHAUSTED_CAUSE_SYSTEM_OVERLOADED),
      'throttled',
    ],
    [
      'the limit of updates in flight',
      refusal(8, 'limit on number of concurrent in-flight updates has been reached'),
      'busy',
    ],
    [
      'the limit of updates in all',
      refusal(9, 'limit on total number of distinct updates in this workflow has been reached'),
      'busy',
    ],
    ['another FAILED_PRECONDITION', refusal(9, 'workflow is paused'), 'unexpected'],
    ['a codec', new CodecError('no key'), 'denied'],
    [
      'a codec, within what the client throws',
      new Error('x', { cause: new CodecError('no key') }),
      'denied',
    ],
    [
      'a workflow ID that was used before',
      new WorkflowExecutionAlreadyStartedError('', 'w', 't'),
      'closed',
    ],
    ['an update that was refused', new WorkflowUpdateFailedError('', new Error('no')), 'refused'],
    ['an update without an answer', new WorkflowUpdateRPCTimeoutOrCancelledError(''), 'unanswered'],
    [
      "past gRPC's limit",
      refusal(8, 'grpc: received message larger than max (4194400 vs. 4194304)'),
      'too-large',
    ],
    ['the signal limit', refusal(3, 'exceeded workflow execution limit for signal events'), 'busy'],
    ['a payload past the limit', refusal(3, 'Blob data size exceeds limit.'), 'too-large'],
    ['another INVALID_ARGUMENT', refusal(3, 'TaskQueue is not set'), 'unexpected'],
    ['INTERNAL', refusal(13), 'unexpected'],
    ['ABORTED', refusal(10), 'unexpected'],
    ['a workflow that is not there', new WorkflowNotFoundError('', 'w', undefined), 'not-found'],
    [
      'an unknown namespace',
      Object.assign(new Error('x'), { name: 'NamespaceNotFoundError' }),
      'denied',
    ],
    ['a defect', new TypeError('x is not a function'), 'unexpected'],
    ['what is no error', 'thrown', 'unexpected'],
  ] as const) {
    it(`${what}: ${name}`, () => assert.equal(nameRefusal(error), name));
  }
});
