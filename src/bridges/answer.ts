import { isGrpcServiceError, WorkflowNotFoundError } from '@temporalio/client';

/** What Temporal answered, where it was not a success, by what the bridge does next. */
export type Refusal = 'not-found' | 'busy' | 'unavailable' | 'denied' | 'too-large' | 'unexpected';

// gRPC's status codes (https://grpc.github.io/grpc/core/md_doc_statuscodes.html).
const INVALID_ARGUMENT = 3;
const DEADLINE_EXCEEDED = 4;
const PERMISSION_DENIED = 7;
const RESOURCE_EXHAUSTED = 8;
const UNAVAILABLE = 14;
const UNAUTHENTICATED = 16;

/** Names what was thrown by a call to Temporal. What has no name of its own is `unexpected`. */
export function nameRefusal(error: unknown): Refusal {
  if (error instanceof WorkflowNotFoundError) return 'not-found';
  const status = grpcErrorOf(error);
  if (!status) return (error as Error).name === 'NamespaceNotFoundError' ? 'denied' : 'unexpected';
  switch (status.code as number) {
    case UNAVAILABLE:
    case DEADLINE_EXCEEDED:
      return 'unavailable';
    case PERMISSION_DENIED:
    case UNAUTHENTICATED:
      return 'denied';
    case RESOURCE_EXHAUSTED:
      // Past gRPC's own limit, however small the rest of the load is.
      return /larger than max/i.test(status.details) ? 'too-large' : 'busy';
    case INVALID_ARGUMENT:
      if (/size|too large|blob/i.test(status.details)) return 'too-large';
      return /limit/i.test(status.details) ? 'busy' : 'unexpected';
    default:
      return 'unexpected';
  }
}

function grpcErrorOf(error: unknown) {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (isGrpcServiceError(each)) return each;
  }
  return undefined;
}
