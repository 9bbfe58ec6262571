import {
  appendFileSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  truncateSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { Shipment } from './carrier.ts';
import type { Dispute, PaymentIntent, Refund, StoredObject } from './objects.ts';
import type { SupplierOrder } from './supplier.ts';

/** The first answer to an idempotency key, and the request it belongs to. */
interface KeptAnswer {
  readonly key: string;
  /** The order that it was about; null where that could not be told. */
  readonly orderKey: string | null;
  readonly request: string;
  readonly status: number;
  readonly body: unknown;
}

/**
 * One request's effect: the objects as they are now, and the answer that its key keeps. Both are one line of
 * the file, so that no crash can keep the one and lose the other.
 */
interface Entry {
  readonly objects: readonly (StoredObject | Shipment | SupplierOrder)[];
  readonly answer: KeptAnswer | null;
}

/** The keys of one order, or all of them, are forgotten. */
interface Forgetting {
  readonly forgotten: { readonly orderKey: string | null };
}

/** All the state of the sandboxes. */
export interface Ledger {
  readonly intents: ReadonlyMap<string, PaymentIntent>;
  readonly refunds: ReadonlyMap<string, Refund>;
  readonly disputes: ReadonlyMap<string, Dispute>;
  readonly answers: ReadonlyMap<string, KeptAnswer>;
  /** By reference, as they came; so are the supplier's orders. */
  readonly shipments: ReadonlyMap<string, Shipment>;
  readonly supplierOrders: ReadonlyMap<string, SupplierOrder>;
  /** Written before it returns: what has been answered survives SIGKILL. */
  append(entry: Entry): void;
  /** Forgets the answers that keys have kept, of one order or (null) of all: as Stripe does after 24 h. */
  forgetKeys(orderKey: string | null): void;
  close(): void;
}

/** Opens the ledger, reading what is there. A last line cut off by a crash was never answered: it is dropped. */
export function openLedger(file: string): Ledger {
  const intents = new Map<string, PaymentIntent>();
  const refunds = new Map<string, Refund>();
  const disputes = new Map<string, Dispute>();
  const answers = new Map<string, KeptAnswer>();
  const shipments = new Map<string, Shipment>();
  const supplierOrders = new Map<string, SupplierOrder>();

  const store = (object: Entry['objects'][number]): void => {
    switch (object.object) {
      case 'payment_intent':
        intents.set(object.id, object);
        break;
      case 'refund':
        refunds.set(object.id, object);
        break;
      case 'dispute':
        disputes.set(object.id, object);
        break;
      case 'shipment':
        shipments.set(object.id, object);
        break;
      case 'supplier_order':
        supplierOrders.set(object.id, object);
    }
  };
  const forget = ({ orderKey }: Forgetting['forgotten']): void => {
    for (const [key, answer] of answers) {
      if (orderKey === null || answer.orderKey === orderKey) answers.delete(key);
    }
  };
  const apply = (line: Entry | Forgetting): void => {
    if ('forgotten' in line) return forget(line.forgotten);
    line.objects.forEach(store);
    if (line.answer) answers.set(line.answer.key, line.answer);
  };

  mkdirSync(dirname(file), { recursive: true });
  const descriptor = openSync(file, 'a');
  const content = readFileSync(file, 'utf8');
  const whole = content.slice(0, content.lastIndexOf('\n') + 1);
  if (whole.length < content.length) truncateSync(file, Buffer.byteLength(whole));
  for (const line of whole.split('\n')) if (line) apply(JSON.parse(line) as Entry | Forgetting);

  const write = (line: Entry | Forgetting): void => {
    appendFileSync(descriptor, `${JSON.stringify(line)}\n`);
    apply(line);
  };
  return {
    intents,
    refunds,
    disputes,
    answers,
    shipments,
    supplierOrders,
    append: write,
    forgetKeys: (orderKey) => write({ forgotten: { orderKey } }),
    close: () => closeSync(descriptor),
  };
}
