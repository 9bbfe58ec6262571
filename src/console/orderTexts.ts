import type {
  AuthoriseAnswer,
  BookAnswer,
  CancelShipmentAnswer,
  CaptureAnswer,
  ReserveAnswer,
  ReturnAnswer,
} from '../contracts/activities.ts';
import type { Winner } from '../contracts/commands.ts';
import type { TimelineEntry } from '../contracts/timeline.ts';
import type { OrderState } from '../domain/order.ts';
import type { ScreeningDecision } from '../domain/screening.ts';

// All words in which a terminal tells of an order. What has none is told by its plain name.

/** What it means that an order is in a state. */
export const STATE_TEXTS: Readonly<Record<OrderState, string>> = {
  received: 'order received',
  screening: 'being screened for fraud',
  'on-review': 'on review',
  reserving: 'reserving stock',
  'awaiting-payment': 'awaiting payment',
  paid: 'paid',
  fulfilling: 'ready to be sent',
  shipped: 'on its way',
  delivered: 'delivered',
  closed: 'closed',
  rejected: 'rejected',
  cancelled: 'cancelled',
  refunded: 'refunded',
  duplicate: 'duplicate of another order',
  'needs-operator': 'needs an operator',
};

/** What the answer to a step means, by step and answer. */
const STEP_TEXTS = {
  screen: {
    approve: 'screening approves',
    review: 'screening is in doubt',
    reject: 'screening rejects',
    unanswered: 'screening gave no answer yet',
    duplicate: 'another start has claimed the order',
    failed: 'screening gave no answer',
  },
  'reserve-stock': {
    reserved: 'stock reserved',
    short: 'stock is short',
    released: 'stock had been given back before',
    failed: 'stock could not be reserved',
  },
  'authorise-payment': {
    authorised: 'payment authorised',
    captured: 'payment authorised and captured',
    declined: 'payment declined',
    'requires-action': 'the customer has to authenticate the payment',
    returned: 'payment had been given back before',
    failed: 'payment could not be authorised',
  },
  'capture-payment': {
    captured: 'payment captured',
    lapsed: 'the authorisation had lapsed',
    failed: 'payment could not be captured',
  },
  'release-lines': {
    done: "the cancelled lines' stock given back",
    failed: "the cancelled lines' stock could not be given back",
  },
  'refund-lines': {
    done: "the cancelled lines' money given back",
    failed: "the cancelled lines' money could not be given back",
  },
  'reserve-replacement': {
    reserved: "a lost parcel's stock reserved once more",
    short: 'stock is short for a lost parcel',
    released: "a lost parcel's stock had been given back before",
    failed: "a lost parcel's stock could not be reserved",
  },
  'release-replacement': {
    done: 'stock given back, as the parcel is found',
    failed: "a found parcel's stock could not be given back",
  },
  'join-back-orders': {
    done: 'queued for the pieces that are short',
    failed: 'could not be queued for the pieces that are short',
  },
  'book-shipment': {
    booked: 'parcel booked',
    cancelled: 'the parcel had been cancelled before',
    failed: 'the parcel could not be booked',
  },
  'cancel-shipment': {
    cancelled: 'parcel cancelled',
    recalled: 'parcel called back',
    failed: 'the parcel could not be cancelled',
  },
  'release-stock': {
    done: 'stock given back',
    failed: 'stock could not be given back',
  },
  'return-payment': {
    nothing: 'no payment to give back',
    voided: 'authorisation let go',
    refunded: 'payment given back',
    failed: 'payment could not be given back',
  },
} satisfies {
  readonly screen: Texts<ScreeningDecision | 'unanswered' | 'duplicate'>;
  readonly 'reserve-stock': Texts<ReserveAnswer['kind']>;
  readonly 'authorise-payment': Texts<AuthoriseAnswer['kind']>;
  readonly 'capture-payment': Texts<CaptureAnswer['kind']>;
  readonly 'release-lines': Texts<'done'>;
  readonly 'refund-lines': Texts<'done'>;
  readonly 'reserve-replacement': Texts<ReserveAnswer['kind']>;
  readonly 'release-replacement': Texts<'done'>;
  readonly 'join-back-orders': Texts<'done'>;
  readonly 'book-shipment': Texts<BookAnswer['kind']>;
  readonly 'cancel-shipment': Texts<CancelShipmentAnswer['kind']>;
  readonly 'release-stock': Texts<'done'>;
  readonly 'return-payment': Texts<ReturnAnswer['kind']>;
};

/** For every answer of a step, and where there is none. */
type Texts<Answer extends string> = Readonly<Record<Answer | 'failed', string>>;

/** What became of a command, in the words of who gave it. */
const COMMAND_OUTCOMES: Readonly<Record<string, string>> = {
  applied: 'accepted',
  duplicate: 'accepted before',
};

/** What happened, which decision was taken and why; without when. */
export function textOf({ kind, name, outcome, reason, by }: TimelineEntry): string {
  const why = reason === null ? '' : `, ${reason}`;
  switch (kind) {
    case 'state': {
      const text = (STATE_TEXTS as Readonly<Record<string, string>>)[name] ?? name;
      return `${text}${reason === null ? '' : ` (${reason})`}`;
    }
    case 'event':
      return [name, by, outcome].filter((part) => part !== null).join(' ') + why;
    case 'command': {
      const who = by === null ? '' : ` by ${by}`;
      const decision = outcome === null ? '' : `: ${COMMAND_OUTCOMES[outcome] ?? outcome}`;
      return `${name}${who}${decision}${why}`;
    }
    case 'step': {
      const plain = outcome === null ? name : `${name}: ${outcome}`;
      const texts: Readonly<Record<string, Readonly<Record<string, string>>>> = STEP_TEXTS;
      return `${texts[name]?.[outcome ?? ''] ?? plain}${why}`;
    }
  }
}

/** Who was first: `ShipmentDispatched waybill.fulfilment:e-1`, `cancel customer:c-1`. */
export function describeWinner({ what, by }: Pick<Winner, 'what' | 'by'>): string {
  return by === null ? what : `${what} ${by}`;
}
