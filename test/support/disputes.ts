import { WorkflowExecutionAlreadyStartedError, type WorkflowHandle } from '@temporalio/client';
import { disputeWorkflow, disputeWorkflowId } from '../../src/contracts/disputes.ts';
import { inboxSignal } from '../../src/contracts/inbox.ts';
import { orderWorkflowId, type OrderKey } from '../../src/contracts/orders.ts';
import type { OrderService } from './orderService.ts';
import { uniqueId } from './servers.ts';

interface Dispute {
  readonly id: string;
  readonly outcome: 'won' | 'lost';
  readonly handle: WorkflowHandle;
  isDecided: boolean;
}

/** The disputes of one order's payment: at the provider, and told to the service as the bridge does. */
export function disputesOf({ client, provider }: OrderService, { channel, orderId }: OrderKey) {
  const disputes: Dispute[] = [];
  const orderKey = orderWorkflowId({ channel, orderId });
  return {
    /** Disputes what was captured, if anything was; it is told so many times. */
    async open(
      { part, outcome }: { readonly part: string; readonly outcome: 'won' | 'lost' },
      times: number,
    ): Promise<void> {
      const intent = [...provider.ledger.intents.values()].find(
        ({ metadata, status }) => metadata['orderKey'] === orderKey && status === 'succeeded',
      );
      if (!intent) return;
      const { id: paymentIntentId, amount_received: most } = intent;
      const amount = part === 'whole' ? most : Math.ceil(most / 2);
      const asked = { intentId: paymentIntentId, amount };
      const opened = await provider.ask('disputes', asked).catch(ignoreUnfit);
      if (!opened) return;
      const { id: disputeId } = opened as { readonly id: string };
      const input = {
        disputeId,
        order: { channel, orderId },
        paymentIntentId,
        money: { amount, currency: 'USD' as const },
        reason: 'fraudulent',
      };
      for (let time = 0; time < times; time += 1) {
        const start = client.workflow.start(disputeWorkflow.workflowType, {
          taskQueue: disputeWorkflow.taskQueue,
          workflowId: disputeWorkflowId(disputeId),
          workflowIdReusePolicy: 'REJECT_DUPLICATE',
          args: [input],
        });
        await start.catch(ignoreStarted);
      }
      const handle = client.workflow.getHandle(disputeWorkflowId(disputeId));
      disputes.push({ id: disputeId, outcome, handle, isDecided: false });
    },

    /** Has the bank decide what is open; each decision is told so many times. */
    async decide(times = 1): Promise<void> {
      for (const dispute of disputes) {
        if (dispute.isDecided) continue;
        dispute.isDecided = true;
        const { id: disputeId, outcome, handle } = dispute;
        await provider.ask(`disputes/${disputeId}/close`, { status: outcome });
        const data = { version: 1, disputeId, outcome };
        const closed = { id: uniqueId('closed'), type: 'ChargebackClosed', data };
        for (let time = 0; time < times; time += 1) await handle.signal(inboxSignal, [closed]);
      }
    },

    /** Waits until all are closed. */
    async ended(): Promise<void> {
      for (const { handle } of disputes) await handle.result();
    },
  };
}

export type OrderDisputes = ReturnType<typeof disputesOf>;

function ignoreStarted(error: unknown): void {
  if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
}

/** What the sandbox was asked for cannot happen any more. */
export function ignoreUnfit(error: unknown): void {
  if (!/: expected /.test(String(error))) throw error;
}
