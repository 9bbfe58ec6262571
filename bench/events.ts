/** What the events of a run do: start a workflow each, signal running ones, or go into their inboxes. */
export type Operation = 'start' | 'signal' | 'inbox';

/** The events of one run. */
export interface Load {
  readonly operation: Operation;
  /** Begins the run's workflow IDs, and is its task queue: no worker polls it. */
  readonly name: string;
  readonly events: number;
  /** Over how many workflows the events are spread, in turn; for starts as many as events. */
  readonly workflows: number;
}

/** An order of two lines, as a shop might send it. */
export interface EventData {
  readonly workflowId: string;
  /** Milliseconds since the epoch; 0 where nobody asks. */
  readonly sentAt: number;
  readonly customer: string;
  readonly currency: string;
  readonly total: number;
  readonly lines: readonly OrderLine[];
  readonly address: Readonly<Record<'street' | 'city' | 'postcode' | 'country', string>>;
}

interface OrderLine {
  readonly sku: string;
  readonly quantity: number;
  readonly price: number;
}

export const SOURCE = 'bench.shop';
export const EVENT_TYPE = 'OrderPlaced';
export const WORKFLOW_TYPE = 'benchWorkflow';
/** The signal that carries one event. */
export const EVENT_SIGNAL = 'bench.event';

export function workflowId({ name, workflows }: Load, index: number): string {
  return `${name}-${index % workflows}`;
}

export function eventData(load: Load, index: number, sentAt = 0): EventData {
  return {
    workflowId: workflowId(load, index),
    sentAt,
    customer: `customer-${index}`,
    currency: 'EUR',
    total: 5_497,
    lines: [
      { sku: `sku-${index % 97}`, quantity: 2, price: 1_999 },
      { sku: `sku-${index % 89}`, quantity: 1, price: 1_499 },
    ],
    address: { street: '1 Harbour Road', city: 'Rotterdam', postcode: '3011 AA', country: 'NL' },
  };
}

/** The message's body: the bridge's plainest envelope. */
export function eventBody(load: Load, index: number, sentAt?: number): string {
  return JSON.stringify({
    source: SOURCE,
    type: EVENT_TYPE,
    eventId: `${load.name}-event-${index}`,
    data: eventData(load, index, sentAt),
  });
}

/** The data of an event, as a consumer reads it that trusts its producers. */
export function readData(body: string | undefined): EventData {
  return (JSON.parse(body ?? '{}') as { data: EventData }).data;
}
