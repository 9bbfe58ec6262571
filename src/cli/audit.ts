import { audit, type Audit } from '../console/audit.ts';
import { readAcknowledged, readNotifications, readSent } from '../console/evidence.ts';
import { createSqs, createTables } from '../platform/aws.ts';
import { loadConfig } from '../platform/config.ts';
import { createStripe } from '../platform/stripe.ts';
import { connectTemporal } from '../platform/temporal.ts';

export interface AuditOptions {
  readonly sent?: string;
  readonly log?: readonly string[];
  readonly notifications?: string;
  readonly supportQueue?: string;
  readonly json?: true;
}

/** How long an answer of the payment provider is waited for, in milliseconds. */
const PROVIDER_TIMEOUT = 20_000;

/** Prints the account of everything the service holds; exit 1 with what disagrees. */
export async function runAudit(options: AuditOptions): Promise<void> {
  const config = loadConfig('tools');
  const { client, connection } = await connectTemporal({ retries: true });
  try {
    const account = await audit({
      ...config,
      temporal: client,
      table: createTables(),
      sqs: createSqs(),
      stripe: createStripe({
        apiKey: config.stripeApiKey,
        baseUrl: config.stripeBaseUrl,
        timeoutMs: PROVIDER_TIMEOUT,
      }),
      sent: options.sent === undefined ? [] : readSent(options.sent),
      acknowledged: readAcknowledged(options.log ?? []),
      ...(options.notifications !== undefined && {
        notifications: readNotifications(options.notifications),
      }),
      ...(options.supportQueue !== undefined && { supportQueueUrl: options.supportQueue }),
    });
    console.log(options.json ? JSON.stringify(account, null, 2) : describeAudit(account));
    if (account.disagreements.length > 0) process.exitCode = 1;
  } finally {
    await connection.close();
  }
}

/** The account in a few lines, what disagrees last. */
export function describeAudit({ orders, money, events, disagreements }: Audit): string {
  const states = Object.entries(orders).map(([state, count]) => `${count} ${state}`);
  return [
    `orders   ${states.join(', ') || 'none'}`,
    `money    captured ${money.captured}, refunded ${money.refunded} (minor units)`,
    `events   ${events.events} = ${events.applied} applied + ${events.duplicate} duplicate + ` +
      `${events.refused} refused + ${events.inInbox} in an inbox + ${events.parked} parked + ` +
      `${events.queued} queued + ${events.lost.length} lost`,
    ...disagreements.map(({ subject, says }) => `DISAGREES ${subject}: ${says}`),
    disagreements.length === 0 ? 'everything agrees' : `${disagreements.length} disagreements`,
  ].join('\n');
}
