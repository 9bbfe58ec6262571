import assert from 'node:assert/strict';
import { ServiceError, WorkflowNotFoundError } from '@temporalio/client';
import { nameRefusal } from '../../src/bridges/answer.ts';

/** As the client throws it: gRPC's error within its own. */
function refusal(code: number, details = ''): Error {
  const cause = Object.assign(new Error(`${code}: ${details}`), { code, details, metadata: {} });
  return new ServiceError('Failed to start workflow', { cause });
}

describe('nameRefusal', () => {
  for (const [what, error, name] of [
    ['UNAVAILABLE', refusal(14), 'unavailable'],
    ['DEADLINE_EXCEEDED', refusal(4), 'unavailable'],
    ['PERMISSION_DENIED', refusal(7), 'denied'],
    ['UNAUTHENTICATED', refusal(16), 'denied'],
    ['RESOURCE_EXHAUSTED', refusal(8, 'namespace rate limit exceeded'), 'busy'],
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
