import {
  isGrpcDeadlineError,
  isGrpcServiceError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import proto from '@temporalio/proto';

/** What Temporal answered, where it was not a success, by what the bridge does next. */
export type Refusal =
  /** No such workflow runs: it never existed, or is closed. */
  | 'not-found'
  /** It is closed: the service would have started it, but its ID was used before. */
  | 'closed'
  /** This workflow is busy or at one of its limits. */
  | 'busy'
  /** Temporal asks for fewer requests. */
  | 'throttled'
  /** No answer, or none in time. */
  | 'unavailable'
  /** The update was not answered in time: there may be no worker. */
  | 'unanswered'
  /** The bridge itself is refused: credentials, permission, namespace, codec. */
  | 'denied'
  | 'too-large'
  /** The workflow refused the update. */
  | 'refused'
  | 'unexpected';

/** Thrown where a payload codec throws: a key is missing, say. It concerns every event, not this one. */
export class CodecError extends Error {
  override readonly name = 'CodecError';
}

/** Thrown where a call hangs outside of gRPC, which has a deadline of its own. */
export class CallDeadlineError extends Error {
  override readonly name = 'CallDeadlineError';
}

// gRPC's status codes (https://grpc.github.io/grpc/core/md_doc_statuscodes.html).
const INVALID_ARGUMENT = 3;
const DEADLINE_EXCEEDED = 4;
const PERMISSION_DENIED = 7;
const RESOURCE_EXHAUSTED = 8;
const FAILED_PRECONDITION = 9;
const UNAVAILABLE = 14;
const UNAUTHENTICATED = 16;

/** Names what was thrown by a call to Temporal. What has no name of its own is `unexpected`. */
export function nameRefusal(error: unknown): Refusal {
  if (error instanceof WorkflowNotFoundError) return 'not-found';
  if (error instanceof WorkflowExecutionAlreadyStartedError) return 'closed';
  if (error instanceof WorkflowUpdateFailedError) return 'refused';
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) return 'unanswered';
  for (let each = error; each instanceof Error; each = each.cause) {
    if (each.name === 'NamespaceNotFoundError' || each instanceof CodecError) return 'denied';
    if (each instanceof CallDeadlineError) return 'unavailable';
    if (isGrpcServiceError(each)) return nameStatus(each);
  }
  return 'unexpected';
}

/** Whether a call was given up for want of an answer, which may be for itself alone. */
export function isDeadline(error: unknown): boolean {
  if (error instanceof CallDeadlineError || isGrpcDeadlineError(error)) return true;
  return error instanceof Error && isDeadline(error.cause);
}

type StatusError = Parameters<typeof causeOf>[0];

function nameStatus(error: StatusError): Refusal {
  const { code, details } = error;
  switch (code as number) {
    case UNAVAILABLE:
    case DEADLINE_EXCEEDED:
      return 'unavailable';
    case PERMISSION_DENIED:
    case UNAUTHENTICATED:
      return 'denied';
    case RESOURCE_EXHAUSTED:
      // Past gRPC's own limit, however small the rest of the load is.
      if (/larger than max/i.test(details)) return 'too-large';
      return causeOf(error) === BUSY_WORKFLOW || /in-flight updates/i.test(details)
        ? 'busy'
        : 'throttled';
    case INVALID_ARGUMENT:
      if (/size|too large|blob/i.test(details)) return 'too-large';
      return /signal events/i.test(details) ? 'busy' : 'unexpected';
    case FAILED_PRECONDITION:
      // The total of updates in one run.
      return /updates/i.test(details) ? 'busy' : 'unexpected';
    default:
      return 'unexpected';
  }
}

const { ResourceExhaustedCause } = proto.temporal.api.enums.v1;
const BUSY_WORKFLOW = ResourceExhaustedCause.RESOURCE_EXHAUSTED_CAUSE_BUSY_WORKFLOW;
const EXHAUSTED = 'type.googleapis.com/temporal.api.errordetails.v1.ResourceExhaustedFailure';

/** Which resource is exhausted, from the details of the status; undefined where the service does not say. */
function causeOf(error: {
  readonly code: unknown;
  readonly details: string;
  readonly metadata: { get?(key: string): readonly (string | Uint8Array)[] };
}): number | undefined {
  const [status] = error.metadata.get?.('grpc-status-details-bin') ?? [];
  if (!(status instanceof Uint8Array)) return undefined;
  const { details } = proto.google.rpc.Status.decode(status);
  const detail = details.find(({ type_url }) => type_url === EXHAUSTED);
  if (!detail?.value) return undefined;
  return proto.temporal.api.errordetails.v1.ResourceExhaustedFailure.decode(detail.value).cause;
}
