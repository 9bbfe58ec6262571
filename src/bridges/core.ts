import type { Delivered } from './deliver.ts';
import { Groups, type Group } from './groups.ts';
import { laneKeyOf } from './lanes.ts';
import { createLedger } from './ledger.ts';
import type { Logger } from './logger.ts';
import type { Metrics, Outcome } from './metrics.ts';
import type { Plan } from './plan.ts';
import type { Reader, ReadRecord } from './reader.ts';
import type { SourceMessage } from './record.ts';
import type { Scheduler } from './scheduler.ts';
import { release, settle, type Settlement } from './settlement.ts';

export interface CoreOptions {
  readonly read: Reader;
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** What is known of what is settled; null where not even that could be read. */
export interface EventAbout {
  readonly eventId: string | null;
  /** `{source} {type}`. */
  readonly route: string | null;
  readonly workflowId: string | null;
  /** The indices of the records that are parked, where the message holds several. */
  readonly records?: readonly number[];
}

/** Does in the queue what was decided. */
export type CarryOut = (settlement: Settlement, about: EventAbout) => Promise<void>;

export interface Core {
  /**
   * Takes one message to its settlement. Messages of the same FIFO group keep their order, and so do events of the same
   * workflow; others go on beside them. A message of several records is settled when the last of them is. Never rejects.
   */
  handle(message: SourceMessage, carryOut: CarryOut): Promise<void>;
}

/** One record on its way. */
interface DecidedRecord {
  readonly index: number;
  readonly settlement: Settlement;
  readonly about: EventAbout;
  readonly operation: Plan['operation'] | 'unread';
}

/** From messages to settlements. Knows neither poller nor process. */
export function createCore({ read, scheduler, logger, metrics }: CoreOptions): Core {
  const groups = new Groups();
  const ledger = createLedger<DecidedRecord>();

  async function decideRecord(
    message: SourceMessage,
    record: ReadRecord,
    size: number,
  ): Promise<DecidedRecord> {
    const { index } = record;
    const age = () => (Date.now() - message.firstReceivedAt) / 1_000;
    if (record.kind !== 'planned') {
      const about = aboutOf(record.identity, null);
      const settlement: Settlement =
        record.kind === 'rejected'
          ? { kind: 'park', code: record.code, reason: record.reason }
          : release('route-failed', 30, record.reason);
      return { index, settlement, about, operation: 'unread' };
    }
    const { planned, trace: own } = record;
    const { plan, event } = planned;
    const about = aboutOf(event, plan);
    let delivered: Delivered = { delivery: 'ignored' };
    if (plan.operation !== 'ignore') {
      const { lease, trace } = message;
      delivered = await scheduler.deliver({
        planned,
        size,
        lease,
        // What its sender noted beside the body is nearer than what the event carries.
        trace: trace.traceparent === undefined ? { ...trace, ...own } : trace,
      });
    }
    return { index, settlement: settle(plan, delivered, age()), about, operation: plan.operation };
  }

  /** What is settled already in an earlier delivery of the message is not done again. */
  async function decideAll(
    message: SourceMessage,
    records: readonly ReadRecord[],
  ): Promise<readonly DecidedRecord[]> {
    const size = Buffer.byteLength(message.body) / records.length;
    const parked = message.parkedBefore?.records ?? [];
    const again = records.filter(({ index }) => parked.includes(index));
    const due = again.length > 0 ? again : records;
    const [only] = due;
    if (only && due.length === 1) return [await decideRecord(message, only, size)];
    const settled = ledger.of(message.messageId);
    return await Promise.all(
      due.map(async (record) => {
        return settled?.get(record.index) ?? (await decideRecord(message, record, size));
      }),
    );
  }

  /** Settles what was decided; a group that is stopped meanwhile takes its message back. */
  async function settleMessage(
    message: SourceMessage,
    decided: readonly DecidedRecord[],
    group: Group | null,
    carryOut: CarryOut,
  ): Promise<void> {
    let settled = together(decided);
    const { kind } = settled.settlement;
    if (kind !== 'delete') {
      // Somebody else may have it by now. A delete is safe: it was delivered.
      if (Date.now() >= message.lease.until) settled = { ...settled, settlement: { kind: 'drop' } };
      else if (group?.stopped && kind === 'park')
        settled = { ...settled, settlement: release('group-stopped', 1) };
    }
    const { settlement, about } = settled;
    const comesAgain = settlement.kind === 'release' || settlement.kind === 'drop';
    if (group && comesAgain) group.stopped = group.closing = true;
    if (decided.length > 1) {
      ledger.keep(message.messageId, decided.filter(isSettled));
    }
    const isOverruled = comesAgain && kind !== settlement.kind;
    for (const each of decided) report(message, isOverruled ? { ...each, settlement } : each);
    try {
      await carryOut(settlement, about);
      if (!comesAgain) ledger.forget(message.messageId);
    } catch (error) {
      if (group) group.stopped = group.closing = true;
      logger.error(
        { messageId: message.messageId, queue: message.queue, err: error },
        'not settled',
      );
    }
  }

  /** One line an event that is not plainly delivered, before it is settled: audits read it as evidence. */
  function report(message: SourceMessage, { settlement, about, operation }: DecidedRecord): void {
    const outcome = outcomeOf(settlement);
    metrics.settled(message.queue, operation, outcome);
    if (settlement.kind === 'park') metrics.parked(message.queue, settlement.code);
    const { eventId, workflowId, route } = about;
    const fields = {
      outcome,
      ...('code' in settlement && { code: settlement.code, reason: settlement.reason }),
      eventId,
      messageId: message.messageId,
      workflowId,
      route,
      queue: message.queue,
      ...(message.group !== null && { group: message.group }),
    };
    if (outcome === 'delivered') logger.debug(fields, 'settled');
    else logger.info(fields, 'settled');
  }

  async function handle(message: SourceMessage, carryOut: CarryOut): Promise<void> {
    const records = read(message);
    if (message.group === null) {
      const decided = await decideAll(message, await records);
      return await settleMessage(message, decided, null, carryOut);
    }
    // Only a parking is waited for by those behind: should another call fail, what comes again was delivered in its
    // turn, or SQS holds the group back for it.
    let carried: Promise<void> | undefined;
    const carryOutInGroup: CarryOut = async (settlement, about) => {
      if (settlement.kind === 'park') await carryOut(settlement, about);
      else carried = carryOut(settlement, about);
    };
    await groups.run(`${message.queue}\n${message.group}`, {
      shared: records instanceof Promise ? records.then(inboxOf) : inboxOf(records),
      run: async (group) => {
        const decided = group.stopped
          ? (await records).map(heldBack)
          : await decideAll(message, await records);
        if (together(decided).settlement.kind === 'release') group.closing = true;
        return () => settleMessage(message, decided, group, carryOutInGroup);
      },
    });
    await carried;
  }

  return {
    async handle(message, carryOut) {
      try {
        await handle(message, carryOut);
      } catch (error) {
        logger.error(
          { messageId: message.messageId, queue: message.queue, err: error },
          'not settled',
        );
      }
    },
  };
}

/** The one inbox that a message is for. */
function inboxOf(records: readonly ReadRecord[]): string | null {
  const [record] = records;
  if (records.length !== 1 || record?.kind !== 'planned') return null;
  return record.planned.plan.operation === 'inbox' ? laneKeyOf(record.planned) : null;
}

function heldBack(record: ReadRecord): DecidedRecord {
  const { index } = record;
  const settlement = release('group-stopped', 1);
  if (record.kind !== 'planned') {
    return { index, settlement, about: aboutOf(record.identity, null), operation: 'unread' };
  }
  const { event, plan } = record.planned;
  return { index, settlement, about: aboutOf(event, plan), operation: plan.operation };
}

function aboutOf(
  identity: { readonly id: string; readonly source: string; readonly type: string } | null,
  plan: Plan | null,
): EventAbout {
  return {
    eventId: identity?.id ?? null,
    route: identity && `${identity.source} ${identity.type}`,
    workflowId: plan && 'workflowId' in plan ? plan.workflowId : null,
  };
}

function isSettled({ settlement: { kind } }: DecidedRecord): boolean {
  return kind === 'delete' || kind === 'park';
}

/**
 * What becomes of a message by what becomes of its records: it comes again while one of them may yet succeed, is parked
 * for those that cannot, and is deleted when all are delivered.
 */
function together(decided: readonly DecidedRecord[]): Pick<DecidedRecord, 'settlement' | 'about'> {
  const first = (kind: Settlement['kind']) =>
    decided.find(({ settlement }) => settlement.kind === kind);
  const [released] = decided
    .filter(({ settlement }) => settlement.kind === 'release')
    .toSorted((one, other) => delayOf(other) - delayOf(one));
  if (released) return released;
  const parked = first('park');
  if (!parked) return decided[0] as DecidedRecord;
  const records = decided.flatMap(({ index, settlement }) =>
    settlement.kind === 'park' ? [index] : [],
  );
  if (decided.length === 1 && records[0] === 0) return parked;
  return { settlement: parked.settlement, about: { ...parked.about, records } };
}

function delayOf({ settlement }: DecidedRecord): number {
  return settlement.kind === 'release' ? settlement.delaySeconds : 0;
}

function outcomeOf(settlement: Settlement): Outcome {
  switch (settlement.kind) {
    case 'delete':
      return settlement.outcome;
    case 'park':
      return 'parked';
    case 'release':
      return 'released';
    case 'drop':
      return 'lease-lost';
  }
}
