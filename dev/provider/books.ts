import { amountsDisputed } from './disputes.ts';
import type { Ledger } from './ledger.ts';
import { amountRefunded } from './refunds.ts';

/** The books as an audit wants them: what of each intent was captured, and where it is now. In minor units. */
export function booksOf(ledger: Ledger) {
  const refunds = [...ledger.refunds.values()];
  const disputes = [...ledger.disputes.values()];
  const intents = [...ledger.intents.values()].map((intent) => {
    const { disputed, lost } = amountsDisputed(intent, disputes);
    return {
      id: intent.id,
      amount: intent.amount,
      currency: intent.currency,
      status: intent.status,
      amount_captured: intent.amount_received,
      amount_refunded: amountRefunded(intent, refunds),
      amount_disputed: disputed,
      amount_lost: lost,
      metadata: intent.metadata,
    };
  });
  return { intents, refunds, disputes };
}
