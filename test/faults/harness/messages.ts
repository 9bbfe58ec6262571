import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { SampleEvent } from '../../../dev/feed/scenarios.ts';
import type { Sender } from '../../../dev/feed/sender.ts';
import type { Between } from '../../../dev/rehearsal.ts';
import { EVENTS } from '../../../src/contracts/events.ts';
import { seeded } from '../random.ts';

/** What becomes of an event on its way, and of how large a share of them. */
const SHARES = { duplicated: 0.08, delayed: 0.08, reordered: 0.08, corrupted: 0.06 } as const;

type Fate = keyof typeof SHARES;

/** How long an event is delayed, from and up to, in milliseconds. */
const DELAYS = [500, 5_000] as const;
/** How long an event waits at most for the next one to overtake it, in milliseconds. */
const OVERTAKEN_WITHIN = 2_000;

/** A feed's messages, spoiled on their way. */
export interface Spoiling extends Between {
  /** How many, by what became of them. */
  readonly counts: Readonly<Record<Fate, number>>;
}

/**
 * Spoils what a feed sends: sends it twice, later, or after what came later; or sends a corrupted copy before it, as of a
 * sender that sends again what was broken. Which events, their IDs and the seed say. What promises order (FIFO) keeps
 * it.
 */
export function spoilMessages(sender: Sender, seed: number): Spoiling {
  const counts = { duplicated: 0, delayed: 0, reordered: 0, corrupted: 0 };
  const unfit = new Set<string>();
  const later: Promise<void>[] = [];
  /** Those that wait to be overtaken. */
  const waiting = new Set<() => void>();

  async function send(event: SampleEvent): Promise<void> {
    const { fate, random } = drawFate(event, seed);
    if (fate !== 'reordered') {
      await sendAs(fate, event, random);
      // What waited comes after this one.
      for (const overtake of waiting) overtake();
      return;
    }
    counts.reordered += 1;
    const { promise: overtaken, resolve: overtake } = Promise.withResolvers<void>();
    waiting.add(overtake);
    const timer = delay(OVERTAKEN_WITHIN);
    sendLater(
      Promise.race([overtaken, timer]).finally(() => waiting.delete(overtake)),
      event,
    );
  }

  async function sendAs(fate: Fate | null, event: SampleEvent, random: () => number) {
    if (fate !== null) counts[fate] += 1;
    if (fate === 'delayed') {
      const [least, most] = DELAYS;
      sendLater(delay(least + random() * (most - least)), event);
      return;
    }
    if (fate === 'corrupted') await sendCorrupted(event);
    await sender.send(event);
    if (fate === 'duplicated') await sender.send(event);
  }

  function sendLater(moment: Promise<void>, event: SampleEvent): void {
    const sent = moment.then(() => sender.send(event));
    // Its failure is told by `settled`.
    sent.catch(() => undefined);
    later.push(sent);
  }

  /** On the bus a field is lost, in a queue the end of the text. */
  async function sendCorrupted(event: SampleEvent): Promise<void> {
    const { type, data } = event;
    const { source } = EVENTS[type];
    const eventId = `${event.eventId}-corrupted`;
    if (event.way === 'bus') {
      unfit.add(`${source}:${eventId}`);
      await sender.sendMalformed(source, type, eventId, { ...data, channel: undefined });
      return;
    }
    const text = JSON.stringify({ source, type, eventId, data }).slice(0, -2);
    unfit.add(text);
    await sender.sendText({ ...event, eventId }, text);
  }

  return {
    sender: { ...sender, send },
    counts,
    unfit,
    async settled() {
      await Promise.all(later);
    },
  };
}

/** By the event's ID, whenever it comes: the same seed, the same fates. */
function drawFate({ eventId, way }: SampleEvent, seed: number) {
  const hash = createHash('sha256').update(`${seed}/${eventId}`).digest();
  const random = seeded(hash.readUInt32BE());
  let drawn = random();
  for (const fate of Object.keys(SHARES) as Fate[]) {
    drawn -= SHARES[fate];
    if (drawn < 0) return { fate: isPossible(fate, way) ? fate : null, random };
  }
  return { fate: null, random };
}

function isPossible(fate: Fate, way: SampleEvent['way']): boolean {
  switch (way) {
    case 'fifo':
      return fate === 'duplicated' || fate === 'corrupted';
    case 'api':
      // A broken request is refused to the caller's face: it leaves no trace to look for.
      return fate !== 'corrupted';
    default:
      return true;
  }
}
