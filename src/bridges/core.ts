import type { Client } from '@temporalio/client';
import type { Breaker } from './breaker.ts';
import { EventRejectedError } from './codes.ts';
import { deliver } from './deliver.ts';
import { unwrap, type UnwrappedEvent } from './envelope.ts';
import { Lanes } from './lanes.ts';
import type { Logger } from './logger.ts';
import type { SourceRecord } from './record.ts';
import { routeTable, type Planned, type Route } from './route.ts';
import { settle, type Settlement } from './settlement.ts';

/** The longest one call to Temporal may take, in milliseconds. */
const CALL_DEADLINE = 10_000;
/** How much of a lease is kept for settling, in milliseconds. */
const SETTLING_TIME = 5_000;

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
   * Takes one record to its settlement. Order holds for records of the same FIFO group, and for those of the same
   * workflow, in the order of the calls; others go on beside them. Never throws.
   *
   * @param carryOut - does in the queue what was decided; the group's next record waits for it.
   */
  handle(
    record: SourceRecord,
    carryOut: (settlement: Settlement, about: EventAbout) => Promise<void>,
  ): Promise<void>;
}

/** From records to settlements. Knows neither poller nor process. */
export function createCore({ routes, client, breaker, logger, stopping }: CoreOptions): Core {
  const routeOf = routeTable(routes);
  const groups = new Lanes();
  const workflows = new Lanes();
  let arrivals = 0;
  /** By FIFO group: the last arrival that must not be delivered, since one before it was released. */
  const stopped = new Map<string, number>();

  async function process(record: SourceRecord, arrival: number): Promise<Decided> {
    const read = await readEvent(record);
    if ('settlement' in read) return read;
    const planned = read;
    const { event, plan } = planned;
    const decided = (settlement: Settlement): Decided => ({ ...planned, settlement });
    if (record.group !== null && (stopped.get(record.group) ?? 0) >= arrival) {
      return decided(release('group-stopped', 1));
    }
    const workflowId = plan.operation === 'ignore' ? event.id : plan.workflowId;
    return await workflows.run(workflowId, async () => {
      if (stopping.aborted) return decided(release('stopping', 0));
      if (breaker.isOpen) return decided(release('unavailable', 5));
      const now = Date.now();
      if (now >= record.lease.until) return decided({ kind: 'drop' });
      const deadline = Math.min(now + CALL_DEADLINE, record.lease.until - SETTLING_TIME);
      if (deadline <= now) return decided(release('held-too-long', 1));
      const delivered = await deliver(client, planned, deadline);
      if (delivered.delivery === 'unavailable' || delivered.delivery === 'denied') {
        breaker.trip(delivered.delivery, String(delivered.error));
      }
      const age = (Date.now() - record.firstReceivedAt) / 1_000;
      return decided(settle(plan, delivered, age));
    });
  }

  /** Reads an event as far as its plan; what cannot be read is decided already. */
  async function readEvent(record: SourceRecord): Promise<Planned | Decided> {
    let event: UnwrappedEvent | undefined;
    try {
      event = unwrap(record);
      return await routeOf(event).plan(event);
    } catch (error) {
      if (error instanceof EventRejectedError) {
        return { event, settlement: { kind: 'park', code: error.code, reason: error.message } };
      }
      return { event, settlement: { ...release('route-failed', 30), reason: String(error) } };
    }
  }

  return {
    async handle(record, carryOut) {
      arrivals += 1;
      const arrival = arrivals;
      const work = async () => {
        const { event, plan, settlement } = await process(record, arrival);
        if (record.group !== null && settlement.kind === 'release') {
          stopped.set(record.group, arrivals);
        }
        log(logger, record, { event, plan, settlement });
        await carryOut(settlement, { eventId: event?.id ?? null, route: routeName(event) });
      };
      try {
        await (record.group === null
          ? work()
          : groups.run(`${record.queue} ${record.group}`, work));
      } catch (error) {
        logger.error({ messageId: record.messageId, err: error }, 'not settled');
      }
    },
  };
}

interface Decided {
  /** Undefined where not even that could be read. */
  readonly event: UnwrappedEvent | undefined;
  readonly plan?: Planned['plan'] | undefined;
  readonly settlement: Settlement;
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
  };
  if (outcome === 'delivered') logger.debug(fields, 'settled');
  else logger.info(fields, 'settled');
}
