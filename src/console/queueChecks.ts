import { FIFO_DEPTH, FIFO_WINDOW, LEAST_RECEIVES } from '../contracts/queues.ts';
import { days, failure, ok, warning, type Finding } from './finding.ts';

/** How a queue is set up. Times are in seconds. */
export interface QueueFacts {
  readonly name: string;
  readonly arn: string;
  readonly fifo: boolean;
  /** How many messages it holds: waiting, delayed and in flight. */
  readonly messages: number;
  readonly retention: number;
  /** The KMS key that encrypts it; null: none, or a key of SQS's own. */
  readonly key: string | null;
  readonly redrive: { readonly deadLetterArn: string; readonly maxReceiveCount: number } | null;
  /** Whose messages it takes as a dead-letter queue: those of any queue, of none, or of these ARNs. */
  readonly admits: 'all' | 'none' | readonly string[];
}

/** A source queue as it was found, or what is missing of it. */
export interface SourceFacts {
  readonly name: string;
  /** Null: there is no such queue. */
  readonly queue: QueueFacts | null;
  /** Null: there is none, or it cannot be found. */
  readonly deadLetter: QueueFacts | null;
}

/** Holds a source queue and its dead-letter queue against what the bridge relies on. Asks nobody. */
export function judgeQueue({ name, queue, deadLetter }: SourceFacts): readonly Finding[] {
  const subject = `queue ${name}`;
  if (queue === null) {
    return [
      failure(subject, 'it is not there', 'create it, or correct its URL, region or account'),
    ];
  }
  const source = [
    ok(subject, `it is there, with ${queue.messages} messages`),
    ...judgeDepth(queue),
  ];
  if (queue.redrive === null) {
    return [
      ...source,
      failure(
        subject,
        'it has no dead-letter queue',
        `give it a redrive policy with a ${kindOf(queue)} queue`,
      ),
    ];
  }
  const { deadLetterArn } = queue.redrive;
  const rest = deadLetter
    ? judgeDeadLetter(queue, deadLetter)
    : [failure(subject, `its dead-letter queue ${deadLetterArn} is not there`, 'create it')];
  return [...source, judgeReceives(queue, queue.redrive.maxReceiveCount), ...rest];
}

function judgeReceives({ name, fifo }: QueueFacts, maxReceiveCount: number): Finding {
  const least = LEAST_RECEIVES[fifo ? 'fifo' : 'standard'];
  const found = `maxReceiveCount is ${maxReceiveCount}`;
  return maxReceiveCount >= least
    ? ok(`queue ${name}`, found)
    : failure(
        `queue ${name}`,
        `${found}: waits and deploys are receives too, and SQS would move messages that may yet succeed`,
        `set it to at least ${least}`,
      );
}

function judgeDepth({ name, fifo, messages }: QueueFacts): readonly Finding[] {
  if (!fifo || messages <= FIFO_DEPTH) return [];
  const starves = messages >= FIFO_WINDOW;
  return [
    (starves ? failure : warning)(
      `queue ${name}`,
      `${messages} messages: SQS looks at the first ${FIFO_WINDOW} only, groups behind them ${starves ? 'starve' : 'will starve'}`,
      'find the group that fills it, and run more bridges',
    ),
  ];
}

function judgeDeadLetter(source: QueueFacts, dlq: QueueFacts): readonly Finding[] {
  const subject = `queue ${dlq.name}`;
  return [
    dlq.fifo === source.fifo
      ? ok(subject, `it is a ${kindOf(dlq)} queue, as its source`)
      : failure(
          subject,
          `it is a ${kindOf(dlq)} queue, its source ${source.name} a ${kindOf(source)} one`,
          `replace it by a ${kindOf(source)} queue`,
        ),
    judgeRetention(source, dlq),
    judgeAdmission(source, dlq),
    ...judgeKeys(source, dlq),
    dlq.messages === 0
      ? ok(subject, 'it is empty')
      : warning(
          subject,
          `it holds ${dlq.messages} messages`,
          `see why: waybill parked list; kept for ${days(dlq.retention)}`,
        ),
  ];
}

function judgeRetention(source: QueueFacts, dlq: QueueFacts): Finding {
  const subject = `queue ${dlq.name}`;
  const found = `it keeps messages for ${days(dlq.retention)}, its source ${source.name} for ${days(source.retention)}`;
  if (dlq.retention > source.retention) return ok(subject, found);
  const change = `set its MessageRetentionPeriod to more than ${source.retention}, 1209600 (14 days) at best`;
  return source.fifo
    ? warning(subject, found, change)
    : failure(
        subject,
        `${found}: what SQS moves keeps its age, and may be deleted as soon as it comes`,
        change,
      );
}

function judgeAdmission(source: QueueFacts, dlq: QueueFacts): Finding {
  const isAdmitted =
    dlq.admits === 'all' || (dlq.admits !== 'none' && dlq.admits.includes(source.arn));
  return isAdmitted
    ? ok(`queue ${dlq.name}`, `it admits ${source.name}`)
    : failure(
        `queue ${dlq.name}`,
        `its redrive allow policy does not admit ${source.name}`,
        `add ${source.arn} to sourceQueueArns in its RedriveAllowPolicy`,
      );
}

function judgeKeys(source: QueueFacts, dlq: QueueFacts): readonly Finding[] {
  if (source.key === null) return [];
  const subject = `queue ${dlq.name}`;
  if (dlq.key === null) {
    return [
      failure(
        subject,
        `it has no customer key, though its source ${source.name} is encrypted with ${source.key}`,
        `set its KmsMasterKeyId to ${source.key}`,
      ),
    ];
  }
  return [
    dlq.key === source.key
      ? ok(subject, 'it is encrypted with the key of its source')
      : warning(
          subject,
          `it is encrypted with ${dlq.key}, its source ${source.name} with ${source.key}`,
          'let the bridge use both keys, or encrypt both queues with one',
        ),
  ];
}

function kindOf({ fifo }: QueueFacts): string {
  return fifo ? 'FIFO' : 'standard';
}
