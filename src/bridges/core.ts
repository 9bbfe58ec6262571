import { setTimeout as delay } from 'node:timers/promises';
import { isGrpcDeadlineError, type Client } from '@temporalio/client';
import type { Breaker } from './breaker.ts';
import { EventRejectedError } from './codes.ts';
import { deliver, type Delivered } from './deliver.ts';
import { unwrap, type UnwrappedEvent } from './envelope.ts';
import { Lanes } from './lanes.ts';
import type { Logger } from './logger.ts';
import type { Lease, SourceRecord } from './record.ts';
import { routeTable, type Planned, type Route } from './route.ts';
import { settle, type Settlement } from './settlement.ts';

/** The longest one call to Temporal may take, in milliseconds. */
const CALL_DEADLINE = 10_000;
/** The least: with less, an answer that comes too late would look like an outage. */
const LEAST_DEADLINE = 1_000;
/** How much of a lease is kept for settling, in milliseconds. */
const SETTLING_TIME = 5_000;
/** How often a lease is looked at while its record waits for Temporal, in milliseconds. */
const LEASE_CHECK = 1_000;

export interface CoreOptions {
  readonly routes: readonly Route[];
  /** Its connection must not retry by itself: the breaker has to learn of a refusal when it happens. */
  readonly client: Client;
  readonly breaker: Breaker;
  readonly logger: Logger;
  /** When it is aborted, what has not been handed to Temporal yet is released. */
  readonly stopping: AbortSignal;
}

/** What is known of the event in a record; null where not even that could be read. */
export interface EventAbout {
  readonly eventId: string | null;
  /** `{source} {type}`. */
  readonly route: string | null;
}

export interface Core {
  /**
   * Takes one record to its settlement. Records of the same FIFO group keep their order. Those of the same workflow
   * are delivered one after another; one that is released there is overtaken. Others go on beside them. Never throws.
   *
   * @param carryOut - does in the queue what was decided; the group's next record waits for it.
   */
  handle(record: SourceRecord, carryOut: CarryOut): Promise<void>;
}

type CarryOut = (settlement: Settlement, about: EventAbout) => Promise<void>;

/** From records to settlements. Knows neither poller nor process. */
export function createCore({ routes, client, breaker, logger, stopping }: CoreOptions): Core {
  const routeOf = routeTable(routes);
  const groups = new Lanes();
  const workflows = new Lanes();
  /** The FIFO groups of which a record comes again: what is in hand behind it must not be delivered before. */
  const stopped = new Set<string>();

  async function decide(record: SourceRecord, group: string | null): Promise<Decided> {
    const planned = await readEvent(record);
    if ('settlement' in planned) return planned;
    const { event, plan } = planned;
    const decided = (settlement: Settlement): Decided => ({ ...planned, settlement });
    if (stopping.aborted) return decided(release('stopping', 0));
    if (group !== null && stopped.has(group)) return decided(release('group-stopped', 1));
    const workflowId = plan.operation === 'ignore' ? event.id : plan.workflowId;
    return await workflows.run(workflowId, async () => {
      let delivered: Delivered = { delivery: 'unavailable' };
      do {
        await untilShut(record.lease);
        if (stopping.aborted) return decided(release('stopping', 0));
        if (breaker.isOpen) break;
        const time = callTimeOf(record.lease);
        if (time < LEAST_DEADLINE) return decided(release('held-too-long', 1));
        const calledAt = Date.now();
        delivered = await deliver(client, planned, calledAt + time);
        // A call that hangs while others are answered says nothing about Temporal.
        if (isGrpcDeadlineError(delivered.error) && breaker.answeredSince(calledAt)) break;
        if (isOutage(delivered)) breaker.trip(delivered.delivery, String(delivered.error));
        else breaker.answered();
      } while (isOutage(delivered));
      const age = (Date.now() - record.firstReceivedAt) / 1_000;
      return decided(settle(plan, delivered, age));
    });
  }

  /** What is in hand waits for Temporal as long as it may be kept: given back, it would be received for nothing. */
  async function untilShut(lease: Lease): Promise<void> {
    const shut = breaker.settled().then(() => true);
    while (breaker.isOpen && callTimeOf(lease) > LEAST_DEADLINE + LEASE_CHECK) {
      if (await Promise.race([shut, delay(LEASE_CHECK, false, { ref: false })])) return;
    }
  }

  /** Reads an event as far as its plan; what cannot be read is decided already. */
  async function readEvent(record: SourceRecord): Promise<Planned | Decided> {
    let event: UnwrappedEvent | undefined;
    try {
      event = unwrap(record);
      return await inTime(routeOf(event).plan(event));
    } catch (error) {
      if (error instanceof EventRejectedError) {
        return { event, settlement: { kind: 'park', code: error.code, reason: error.message } };
      }
      return { event, settlement: { ...release('route-failed', 30), reason: String(error) } };
    }
  }

  async function settleRecord(
    record: SourceRecord,
    group: string | null,
    carryOut: CarryOut,
  ): Promise<void> {
    try {
      const decided = await decide(record, group);
      const { event } = decided;
      // Somebody else may have it by now. A delete is safe: it was delivered.
      const isLost = decided.settlement.kind !== 'delete' && Date.now() >= record.lease.until;
      const settlement: Settlement = isLost ? { kind: 'drop' } : decided.settlement;
      const comesAgain = settlement.kind === 'release' || settlement.kind === 'drop';
      if (group !== null && comesAgain) stopped.add(group);
      log(logger, record, { ...decided, settlement });
      await carryOut(settlement, { eventId: event?.id ?? null, route: routeName(event) });
    } catch (error) {
      if (group !== null) stopped.add(group);
      logger.error({ messageId: record.messageId, err: error }, 'not settled');
    }
  }

  return {
    async handle(record, carryOut) {
      if (record.group === null) return await settleRecord(record, null, carryOut);
      const group = `${record.queue} ${record.group}`;
      await groups.run(group, () => settleRecord(record, group, carryOut));
      if (groups.isIdle(group)) stopped.delete(group);
    },
  };
}

interface Decided {
  /** Undefined where not even that could be read. */
  readonly event: UnwrappedEvent | undefined;
  readonly plan?: Planned['plan'] | undefined;
  readonly settlement: Settlement;
}

/** A schema may ask elsewhere, and hang: that must not hold the record for ever. */
async function inTime<Value>(work: Promise<Value>): Promise<Value> {
  const over = new AbortController();
  const late = delay(CALL_DEADLINE, undefined, { signal: over.signal }).then(() => {
    throw new Error(`no plan within ${CALL_DEADLINE} ms`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    over.abort();
  }
}

/** How long a call may take, in milliseconds. */
function callTimeOf({ until }: Lease): number {
  return Math.min(CALL_DEADLINE, until - SETTLING_TIME - Date.now());
}

function isOutage(
  delivered: Delivered,
): delivered is Delivered & { delivery: 'unavailable' | 'denied' } {
  return delivered.delivery === 'unavailable' || delivered.delivery === 'denied';
}

function release(
  code: Extract<Settlement, { kind: 'release' }>['code'],
  delaySeconds: number,
): Extract<Settlement, { kind: 'release' }> {
  return { kind: 'release', code, reason: code, delaySeconds };
}

function routeName(event: UnwrappedEvent | undefined): string | null {
  return event ? `${event.source} ${event.type}` : null;
}

/** One line a message that is not plainly delivered, before it is settled: audits read it as evidence. */
function log(logger: Logger, record: SourceRecord, { event, plan, settlement }: Decided): void {
  const outcome =
    settlement.kind === 'delete'
      ? settlement.outcome
      : ({ park: 'parked', release: 'released', drop: 'lease-lost' } as const)[settlement.kind];
  const fields = {
    outcome,
    ...('code' in settlement && { code: settlement.code, reason: settlement.reason }),
    eventId: event?.id ?? null,
    messageId: record.messageId,
    workflowId: plan && 'workflowId' in plan ? plan.workflowId : null,
    route: routeName(event),
    queue: record.queue,
    ...(record.group !== null && { group: record.group }),
  };
  if (outcome === 'delivered') logger.debug(fields, 'settled');
  else logger.info(fields, 'settled');
}
