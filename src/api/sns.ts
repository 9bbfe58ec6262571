import { X509Certificate, verify, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { fetchText, type Fetch } from './boundedFetch.ts';
import { Problem } from './problems.ts';

/** How old a message may be, in milliseconds: SNS gives up after an hour. */
const OLDEST = 3_600_000;
/** How far ahead its clock may be. */
const AHEAD = 300_000;
/** How many certificates are kept: there is one a region, and now and then a new one. */
const KEPT = 20;
/** How many are fetched at once: whoever knows a topic can ask for any. */
const FETCHES = 4;

const text = z.string().min(1).max(2_048);
const common = {
  MessageId: z.string().regex(/^[\x21-\x7e]{1,100}$/, {
    error: 'expected 1 to 100 visible ASCII characters',
  }),
  TopicArn: text,
  Message: z.string(),
  Timestamp: z.iso.datetime(),
  SignatureVersion: z.enum(['1', '2']),
  Signature: z.base64().min(1).max(2_048),
  SigningCertURL: text,
};
const confirmation = { ...common, Token: text, SubscribeURL: text };

/**
 * What SNS sends to an HTTP subscription, without what nobody has to read:
 * https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
 */
export const SnsMessage = z
  .discriminatedUnion('Type', [
    z.object({
      Type: z.literal('Notification'),
      ...common,
      Subject: z.string().optional(),
      /** Not signed: anybody may have written them. */
      MessageAttributes: z
        .record(z.string(), z.object({ Type: z.string(), Value: z.string() }))
        .optional(),
    }),
    z.object({ Type: z.literal('SubscriptionConfirmation'), ...confirmation }),
    z.object({ Type: z.literal('UnsubscribeConfirmation'), ...confirmation }),
  ])
  .meta({ id: 'SnsMessage' });

export type SnsMessage = z.infer<typeof SnsMessage>;

export interface SnsOptions {
  /** The topics that messages are taken of; all others are refused. */
  readonly topicArns: readonly string[];
  readonly fetch: Fetch;
}

/** Proves that messages are of SNS, and of a topic of ours. */
export class SnsVerifier {
  readonly #topicArns: ReadonlySet<string>;
  readonly #fetch: Fetch;
  readonly #certificates = new Map<string, X509Certificate>();
  #fetching = 0;

  constructor({ topicArns, fetch }: SnsOptions) {
    this.#topicArns = new Set(topicArns);
    this.#fetch = fetch;
  }

  /**
   * Nothing is fetched for a message that could not be right whatever its certificate.
   *
   * @throws Problem `signature-invalid` where it is not proven, `not-ready` where that cannot be known now.
   */
  async prove(message: SnsMessage): Promise<void> {
    this.#assertPlausible(message);
    const key = await this.#keyOf(message.SigningCertURL);
    const algorithm = message.SignatureVersion === '1' ? 'RSA-SHA1' : 'RSA-SHA256';
    const signed = Buffer.from(canonical(message));
    const isGenuine = verify(algorithm, signed, key, Buffer.from(message.Signature, 'base64'));
    if (!isGenuine) throw refused('Signature', 'expected the signature of this message');
  }

  /** Takes the subscription on. @throws Problem `not-ready` where SNS does not answer. */
  async confirm({ SubscribeURL }: Extract<SnsMessage, { SubscribeURL: string }>): Promise<void> {
    try {
      await fetchText(this.#fetch, SubscribeURL);
    } catch (cause) {
      throw notReady('the subscription could not be confirmed', cause);
    }
  }

  #assertPlausible(message: SnsMessage): void {
    const { TopicArn, Timestamp, SigningCertURL } = message;
    if (!this.#topicArns.has(TopicArn)) throw refused('TopicArn', 'expected a topic of ours');
    const age = Date.now() - Date.parse(Timestamp);
    if (age > OLDEST || age < -AHEAD) {
      throw refused('Timestamp', 'expected one of the last hour, and not of the future');
    }
    const origin = originOf(TopicArn);
    // By the text as it came: what reads URLs does not read them all alike.
    const file = SigningCertURL.startsWith(`${origin}/`) ? SigningCertURL.slice(origin.length) : '';
    if (!/^\/SimpleNotificationService-[A-Za-z0-9]{1,64}\.pem$/.test(file)) {
      throw refused('SigningCertURL', `expected ${origin}/SimpleNotificationService-*.pem`);
    }
    if (message.Type === 'Notification') return;
    const { SubscribeURL } = message;
    const start = `${origin}/?Action=ConfirmSubscription&`;
    if (!SubscribeURL.startsWith(start) || !/^[\x21-\x7e]+$/.test(SubscribeURL)) {
      throw refused('SubscribeURL', `expected ${start}...`);
    }
  }

  async #keyOf(url: string): Promise<KeyObject> {
    const known = this.#certificates.get(url);
    if (known && isInForce(known)) return known.publicKey;
    if (this.#fetching >= FETCHES) throw notReady('too many certificates are being fetched');
    this.#fetching += 1;
    try {
      const certificate = new X509Certificate(await fetchText(this.#fetch, url));
      if (!isInForce(certificate)) throw new Error(`${url} is not in force`);
      this.#keep(url, certificate);
      return certificate.publicKey;
    } catch (cause) {
      throw notReady('the certificate could not be fetched', cause);
    } finally {
      this.#fetching -= 1;
    }
  }

  #keep(url: string, certificate: X509Certificate): void {
    this.#certificates.set(url, certificate);
    const [oldest] = this.#certificates.keys();
    if (this.#certificates.size > KEPT && oldest !== undefined) this.#certificates.delete(oldest);
  }
}

/** Where the SNS of a topic's region is: `https://sns.us-east-1.amazonaws.com`. */
function originOf(topicArn: string): string {
  const [, partition, , region] = topicArn.split(':');
  return `https://sns.${region}.amazonaws.com${partition === 'aws-cn' ? '.cn' : ''}`;
}

function isInForce({ validToDate }: X509Certificate): boolean {
  return validToDate.getTime() > Date.now();
}

/**
 * What is signed:
 * https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message-verify-message-signature.html
 */
function canonical(message: SnsMessage): string {
  const fields =
    message.Type === 'Notification'
      ? [
          ['Message', message.Message],
          ['MessageId', message.MessageId],
          ['Subject', message.Subject],
          ['Timestamp', message.Timestamp],
          ['TopicArn', message.TopicArn],
          ['Type', message.Type],
        ]
      : [
          ['Message', message.Message],
          ['MessageId', message.MessageId],
          ['SubscribeURL', message.SubscribeURL],
          ['Timestamp', message.Timestamp],
          ['Token', message.Token],
          ['TopicArn', message.TopicArn],
          ['Type', message.Type],
        ];
  return fields
    .filter(([, value]) => value !== undefined)
    .map((field) => `${field.join('\n')}\n`)
    .join('');
}

function refused(field: string, detail: string): Problem {
  return new Problem('signature-invalid', `${field}: ${detail}`, { errors: [{ field, detail }] });
}

function notReady(detail: string, cause?: unknown): Problem {
  return new Problem('not-ready', `${detail}: send it again`, { cause, retryAfterSeconds: 5 });
}
