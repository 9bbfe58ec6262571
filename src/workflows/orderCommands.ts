import { ApplicationFailure } from '@temporalio/common';
import { CancellationScope, condition, setHandler } from '@temporalio/workflow';
import type { Command } from '../contracts/commands.ts';
import {
  awaitPayment,
  cancelOrder,
  changePaymentMethod,
  decideReview as reviewUpdate,
  resolveOrder,
  resumeOrder,
  type CancelRequest,
  type OrderAnswer,
  type PaymentOutcome,
} from '../contracts/orders.ts';
import { winnerOf } from '../contracts/winner.ts';
import { decideLinesCancellation } from '../domain/lines.ts';
import {
  decideCancellation,
  decidePaymentMethod,
  decideReview,
  type Decision,
  type Order,
} from '../domain/order.ts';
import { paymentOutcome } from '../domain/paymentOutcome.ts';
import {
  checkCancel,
  checkCommand,
  checkPaymentMethod,
  checkResolve,
  checkReview,
} from './commandChecks.ts';
import type { Help, OrderProgress } from './orderProgress.ts';

/**
 * Answers an order's commands, each from what is known at that moment. Call it before the first await of the
 * workflow. What is no command at all is rejected before it is accepted; all else is answered, refusals too.
 */
export function answerCommands(progress: OrderProgress): void {
  setHandler(cancelOrder, (request) => answer(progress, request, () => cancel(progress, request)), {
    validator: checkCancel,
  });
  setHandler(
    changePaymentMethod,
    (request) =>
      answer(progress, request, () => ({
        name: 'change-payment-method',
        decision: decidePaymentMethod(progress.order, request.paymentMethod),
      })),
    { validator: checkPaymentMethod },
  );
  setHandler(
    reviewUpdate,
    (request) =>
      answer(progress, request, () => ({
        name: 'decide-review',
        decision: decideReview(progress.order, request),
      })),
    { validator: checkReview },
  );
  // An order that is not claimed yet waits for no operator: that is answered at once, and always was.
  setHandler(
    resumeOrder,
    (command) => answerNow(progress, command, () => help(progress, 'resume', 'resumed')),
    { validator: checkCommand },
  );
  setHandler(
    resolveOrder,
    (request) =>
      answerNow(progress, request, () => help(progress, 'resolve', 'resolved', request.reason)),
    { validator: checkResolve },
  );
  setHandler(awaitPayment, () => outcomeOfPayment(progress));

  // Cancelling the workflow itself is a cancellation like any other: accepted if it still can be.
  CancellationScope.current().cancelRequested.catch(() => {
    progress.decideArrived();
    const request = { reason: 'workflow-cancelled', requestedBy: 'temporal' };
    take(progress, request.requestedBy, cancel(progress, request));
  });
}

/** A command, by the name that the timeline has for it, and what is decided about it. */
interface Decided {
  readonly name: string;
  readonly decision: Decision;
  /** Why, in the words of who gave it; for the timeline. */
  readonly words?: string;
}

function cancel({ order, placed }: OrderProgress, request: CancelRequest): Decided {
  const { lines: numbers, reason, requestedBy } = request;
  const cancellation = { reason, requestedBy };
  if (!numbers) return { name: 'cancel', decision: decideCancellation(order, cancellation) };
  const decision = decideLinesCancellation(order, placed.lines, numbers, cancellation);
  const isWhole = decision.outcome === 'applied' && decision.order.cancellation !== null;
  return { name: isWhole ? 'cancel' : 'cancel-lines', decision };
}

function help(
  progress: OrderProgress,
  name: 'resume' | 'resolve',
  how: Help,
  words?: string,
): Decided {
  const { order } = progress;
  if (order.waitingFor !== 'operator') {
    return { name, decision: { outcome: 'refused', reason: 'not-waiting-for-operator' } };
  }
  progress.help(how);
  return { name, decision: { outcome: 'applied', order }, ...(words !== undefined && { words }) };
}

async function answer(
  progress: OrderProgress,
  command: Command,
  decide: () => Decided,
): Promise<OrderAnswer> {
  if (!progress.claimDecided) await untilAnswered(() => progress.claimDecided);
  return answerNow(progress, command, decide);
}

/** @param command - absent where a client of before sent none with `resume`. */
function answerNow(
  progress: OrderProgress,
  command: Command | undefined,
  decide: () => Decided,
): OrderAnswer {
  progress.decideArrived();
  const decided = decide();
  take(progress, command?.requestedBy ?? null, decided);
  const { decision } = decided;
  const state: Order['state'] = progress.order.state;
  const echo = command?.request === undefined ? {} : { request: command.request };
  if (decision.outcome !== 'refused') return { accepted: true, state, ...echo };
  const { reason } = decision;
  const wonBy = winnerOf(reason, progress.row().timeline);
  return { accepted: false, state, reason, ...(wonBy && { wonBy }), ...echo };
}

function take(progress: OrderProgress, by: string | null, decided: Decided): void {
  const { name, decision, words = null } = decided;
  progress.recordCommand(name, by, decision, words);
}

/** Waits without holding the workflow up: before it goes on in a new run, who waits is told to ask that one. */
async function outcomeOfPayment(progress: OrderProgress): Promise<PaymentOutcome> {
  const outcome = () => paymentOutcome(progress.order, progress.row().reason);
  await untilAnswered(() => outcome() !== null || progress.leaving);
  const known = outcome();
  if (known) return known;
  throw ApplicationFailure.nonRetryable('the order goes on in a new run: ask again', 'GoesOn');
}

/** Who waits is answered though the workflow be cancelled. */
async function untilAnswered(can: () => boolean): Promise<void> {
  await CancellationScope.nonCancellable(() => condition(can));
}
