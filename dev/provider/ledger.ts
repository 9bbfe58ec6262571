import {
  appendFileSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  truncateSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { PaymentIntent, Refund, StoredObject } from './objects.ts';

/** The first answer to an idempotency key, and the request it belongs to. */
interface KeptAnswer {
  readonly key: string;
  readonly request: string;
  readonly status: number;
  readonly body: unknown;
}

/**
 * One request's effect: the objects as they are now, and the answer that its key keeps. Both are one line of
 * the file, so that no crash can keep the one and lose the other.
 */
interface Entry {
  readonly objects: readonly StoredObject[];
  readonly answer: KeptAnswer | null;
}

/** All the state of the sandbox. */
export interface Ledger {
  readonly intents: ReadonlyMap<string, PaymentIntent>;
  readonly refunds: ReadonlyMap<string, Refund>;
  readonly answers: ReadonlyMap<string, KeptAnswer>;
  /** Written before it returns: what has been answered survives SIGKILL. */
  append(entry: Entry): void;
  close(): void;
}

/** Opens the ledger, reading what is there. A last line cut off by a crash was never answered: it is dropped. */
export function openLedger(file: string): Ledger {
  const intents = new Map<string, PaymentIntent>();
  const refunds = new Map<string, Refund>();
  const answers = new Map<string, KeptAnswer>();

  const apply = ({ objects, answer }: Entry): void => {
    for (const object of objects) {
      if (object.object === 'payment_intent') intents.set(object.id, object);
      else refunds.set(object.id, object);
    }
    if (answer) answers.set(answer.key, answer);
  };

  mkdirSync(dirname(file), { recursive: true });
  const descriptor = openSync(file, 'a');
  const content = readFileSync(file, 'utf8');
  const whole = content.slice(0, content.lastIndexOf('\n') + 1);
  if (whole.length < content.length) truncateSync(file, Buffer.byteLength(whole));
  for (const line of whole.split('\n')) if (line) apply(JSON.parse(line) as Entry);

  return {
    intents,
    refunds,
    answers,
    append(entry) {
      appendFileSync(descriptor, `${JSON.stringify(entry)}\n`);
      apply(entry);
    },
    close: () => closeSync(descriptor),
  };
}
