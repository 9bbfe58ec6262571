import { ApplicationFailure } from '@temporalio/common';
import type { Command } from '../contracts/commands.ts';
import type {
  CancelRequest,
  PaymentMethodRequest,
  ResolveRequest,
  ReviewRequest,
} from '../contracts/orders.ts';
import type { InspectionRequest } from '../contracts/returns.ts';

// Validators of updates: what is no command at all is rejected before it is accepted, and leaves no trace. Its handler
// would stop the workflow at it. Each throws an ApplicationFailure `InvalidCommand` that names what does not hold.

export function checkCommand(command: Command): void {
  check(isObject(command), 'the command', 'an object');
  const { requestedBy, request } = command;
  check(isText(requestedBy), 'requestedBy', 'a text');
  check(request === undefined || isText(request), 'request', 'a text, or nothing');
}

export function checkCancel(request: CancelRequest): void {
  checkCommand(request);
  const { reason, lines } = request as { reason: unknown; lines?: unknown };
  check(isText(reason), 'reason', 'a text');
  const isNumbers = Array.isArray(lines) && lines.length > 0 && lines.every(isLineNumber);
  check(lines === undefined || isNumbers, 'lines', 'numbers from 1, at least one, or nothing');
}

export function checkPaymentMethod(request: PaymentMethodRequest): void {
  checkCommand(request);
  check(isText(request.paymentMethod), 'paymentMethod', 'a text');
}

export function checkReview(request: ReviewRequest): void {
  checkCommand(request);
  check(isText(request.reason), 'reason', 'a text');
  check(['approve', 'reject'].includes(request.decision), 'decision', 'approve or reject');
}

export function checkResolve(request: ResolveRequest): void {
  checkCommand(request);
  check(isText(request.reason), 'reason', 'a text');
}

export function checkInspection(request: InspectionRequest): void {
  checkCommand(request);
  check(isText(request.reason), 'reason', 'a text');
  const { accepted } = request;
  const isPieces = Array.isArray(accepted) && accepted.every(isPiecesOfLine);
  check(isPieces, 'accepted', 'a list of line and quantity');
}

/** How many can be accepted is decided by the return. */
function isPiecesOfLine(pieces: unknown): boolean {
  if (!isObject(pieces)) return false;
  const { line, quantity } = pieces as { line?: unknown; quantity?: unknown };
  return isLineNumber(line) && typeof quantity === 'number';
}

function check(holds: boolean, what: string, expected: string): void {
  if (!holds) {
    throw ApplicationFailure.nonRetryable(`${what}: expected ${expected}`, 'InvalidCommand');
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function isLineNumber(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 1;
}
