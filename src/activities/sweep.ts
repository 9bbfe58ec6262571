import { PutEventsCommand, type EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { metrics } from '@opentelemetry/api';
import { Context } from '@temporalio/activity';
import type { Audit } from '../console/audit.ts';
import {
  OPERATIONS_SOURCE,
  type AuditFinished,
  type SweepActivities,
  type SweepFindings,
} from '../contracts/sweep.ts';
import type { PublishFact } from './notifications.ts';

export interface SweepActivitiesOptions {
  /** Reads everything and says what disagrees; it rejects once the signal is aborted. */
  readonly audit: (signal: AbortSignal) => Promise<Audit>;
  readonly eventBridge: EventBridgeClient;
  readonly eventBusName: string;
  readonly publish: PublishFact;
}

/** EventBridge did not take the event. Repeated, it carries the same ID. */
class EventRefusedError extends Error {
  override readonly name = 'EventRefusedError';
}

/** How often a running audit says that it is still at work, in milliseconds. */
const BEAT_EVERY = 2_000;
/** How many disagreements are told: the whole list is to be had from `waybill orders audit`. */
const TOLD = 50;

/** The nightly sweep at the outside. Whatever is thrown may be repeated. */
export function createSweepActivities({
  audit,
  eventBridge,
  eventBusName,
  publish,
}: SweepActivitiesOptions): SweepActivities {
  // Where the process sets up no SDK of OpenTelemetry it goes nowhere. Prometheus has it with underscores.
  const gauge = metrics.getMeter('waybill.operations').createGauge('waybill.audit.disagreements', {
    unit: '{disagreement}',
    description: 'How much disagreed in the last audit that this process ran.',
  });

  return {
    async auditAll() {
      const context = Context.current();
      const { cancellationSignal: signal } = context;
      const beating = setInterval(() => context.heartbeat(), BEAT_EVERY);
      try {
        const account = await audit(signal);
        gauge.record(account.disagreements.length);
        return findingsOf(account);
      } catch (error) {
        // However an audit ends that is given up, it is no failure.
        if (signal.aborted) await context.cancelled;
        throw error;
      } finally {
        clearInterval(beating);
      }
    },

    async announceAudit({ sweep, findings }) {
      const detail: AuditFinished = {
        version: 1,
        eventId: `${sweep}/audit-finished`,
        sweep,
        ...findings,
      };
      const { Entries = [] } = await eventBridge.send(
        new PutEventsCommand({
          Entries: [
            {
              EventBusName: eventBusName,
              Source: OPERATIONS_SOURCE,
              DetailType: 'AuditFinished',
              Detail: JSON.stringify(detail),
            },
          ],
        }),
      );
      // A refusal is an answer like others.
      for (const { ErrorCode, ErrorMessage } of Entries) {
        if (ErrorCode !== undefined) throw new EventRefusedError(`${ErrorCode}: ${ErrorMessage}`);
      }
    },

    async reportMismatch({ sweep, findings }) {
      const fact = {
        notificationId: `${sweep}/audit-mismatch`,
        type: 'audit-mismatch' as const,
        state: 'disagrees',
        reason: null,
        sweep,
        ...findings,
      };
      await publish(fact);
    },
  };
}

function findingsOf({ orders, parked, disagreements }: Audit): SweepFindings {
  return {
    orders,
    parked: parked.length,
    disagreements: disagreements.length,
    first: disagreements.slice(0, TOLD).map(({ subject, says }) => ({ subject, says })),
  };
}
