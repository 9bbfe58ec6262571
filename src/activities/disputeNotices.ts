import {
  disputeWorkflowId,
  type DisputeFacts,
  type DisputeNoticeActivities,
} from '../contracts/disputes.ts';
import type { PublishFact } from './notifications.ts';

/** What support and security learn of disputes. Whatever is thrown may be repeated. */
export function createDisputeNoticeActivities(publish: PublishFact): DisputeNoticeActivities {
  return {
    async tellDisputeOpened(dispute) {
      const type = 'dispute-opened' as const;
      const fact = { ...factsOf(dispute, 'opened'), type, state: 'opened' };
      await publish(fact);
    },

    async tellDisputeClosed({ outcome, ...dispute }) {
      const type = 'dispute-closed' as const;
      const fact = { ...factsOf(dispute, 'closed'), type, state: outcome };
      await publish(fact);
    },
  };
}

function factsOf({ order, ...facts }: DisputeFacts, what: string) {
  return { notificationId: `${disputeWorkflowId(facts.disputeId)}/${what}`, ...order, ...facts };
}
