import { isGrpcServiceError } from '@temporalio/client';
import Stripe from 'stripe';
import { audit, type Audit, type AuditSources } from '../console/audit.ts';
import { readAcknowledged, readNotifications, readSent } from '../console/evidence.ts';
import { createTables } from '../platform/aws.ts';
import { loadConfig } from '../platform/config.ts';
import { UserError } from '../platform/errors.ts';
import { createSqs } from '../platform/sqs.ts';
import { createStripe } from '../platform/stripe.ts';
import { connectTemporal } from '../platform/temporal.ts';
import { describeQueues } from './queues.ts';

export interface AuditOptions {
  readonly sent?: string;
  readonly log?: readonly string[];
  readonly notifications?: string;
  readonly supportQueue?: string;
  readonly json?: true;
}

/** Prints the account of everything the service holds; exit 1 with what disagrees. */
export async function runAudit(options: AuditOptions): Promise<void> {
  const account = await auditService({
    ...readEvidence(options),
    ...(options.supportQueue !== undefined && { supportQueueUrl: options.supportQueue }),
  });
  console.log(options.json ? JSON.stringify(account, null, 2) : describeAudit(account));
  if (account.disagreements.length > 0) process.exitCode = 1;
}

/** What is known from elsewhere than the service itself. */
type Evidence = Pick<AuditSources, 'sent' | 'acknowledged' | 'notifications' | 'supportQueueUrl'>;

/** Audits the service that the environment names. @throws UserError where it is not configured, or cannot be asked. */
export async function auditService(evidence: Evidence): Promise<Audit> {
  const config = loadConfig('tools');
  const { client, connection } = await connectTemporal({ retries: true });
  try {
    const sqs = createSqs();
    return await audit({
      ...config,
      temporal: client,
      table: createTables(),
      sqs,
      queues: await describeQueues(sqs, config.queueUrls),
      stripe: createStripe({
        apiKey: config.stripeApiKey,
        baseUrl: config.stripeBaseUrl,
      }),
      ...evidence,
    });
  } catch (error) {
    throw explain(error) ?? error;
  } finally {
    await connection.close();
  }
}

function readEvidence({ sent, log = [], notifications }: AuditOptions) {
  try {
    return {
      sent: sent === undefined ? [] : readSent(sent),
      acknowledged: readAcknowledged(log),
      ...(notifications !== undefined && { notifications: readNotifications(notifications) }),
    };
  } catch (cause) {
    const { code, path, message } = cause as NodeJS.ErrnoException;
    if (code === undefined || path === undefined) throw cause;
    throw new UserError(message, '--sent, --log and --notifications take files', { cause });
  }
}

/** Says what to check, where the provider or Temporal did not answer; undefined for every other error. */
function explain(error: unknown): UserError | undefined {
  if (error instanceof Stripe.errors.StripeConnectionError) {
    return new UserError(
      `the payment provider cannot be reached: ${error.message}`,
      'check WAYBILL_STRIPE_BASE_URL, and that what it names is running',
      { cause: error },
    );
  }
  if (error instanceof Stripe.errors.StripeAuthenticationError) {
    return new UserError(
      `the payment provider refuses the key: ${error.message}`,
      'check WAYBILL_STRIPE_API_KEY',
      { cause: error },
    );
  }
  const cause = error instanceof Error ? error.cause : undefined;
  if (isGrpcServiceError(cause)) {
    return new UserError(
      `Temporal does not answer: ${cause.details}`,
      'orders under way are asked too: a worker has to run',
      { cause: error },
    );
  }
  return undefined;
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
