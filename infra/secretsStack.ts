import { RemovalPolicy, Stack, type StackProps, Validations } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';

/** Each secret by itself, so that each process may read its own and no other. */
const SECRETS = {
  StripeApiKey: "the payment provider's API key: the worker's",
  StripeReadKey: "an API key of the payment provider that may read payment intents: the API's",
  StripeWebhookSecret: 'what the payment provider signs its webhooks with',
  TemporalApiKey: 'the API key of Temporal Cloud, where processes show that',
  TemporalClientCertificate: 'PEM: the client certificate, where processes show that to Temporal',
  TemporalClientKey: 'PEM: its private key',
} as const;

export type SecretName = keyof typeof SECRETS;

export interface SecretsStackProps extends StackProps {
  /** What they are encrypted with. */
  readonly key: IKey;
}

/**
 * The secrets' places. Their values are given by an operator (`aws secretsmanager put-secret-value`), before the processes
 * are deployed: until then each holds random text, with which nothing works. They outlive the stack.
 */
export class SecretsStack extends Stack {
  readonly secrets: Readonly<Record<SecretName, Secret>>;

  constructor(scope: Construct, id: string, { key, ...props }: SecretsStackProps) {
    super(scope, id, props);
    const secrets = Object.entries(SECRETS).map(([name, description]) => {
      const secret = new Secret(this, name, {
        secretName: `waybill/${name}`,
        description: `Waybill: ${description}`,
        encryptionKey: key,
        removalPolicy: RemovalPolicy.RETAIN,
      });
      Validations.of(secret).acknowledge({
        id: 'AwsSolutions-SMG4',
        reason: 'Others issue it: it is rotated there first, by a person (docs/runbook.md)',
      });
      return [name, secret];
    });
    this.secrets = Object.fromEntries(secrets) as Record<SecretName, Secret>;
  }
}
