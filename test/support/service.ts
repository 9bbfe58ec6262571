import { deploy, type AwsConfig } from '../../dev/deploy.ts';
import { stackEnvironment } from '../../dev/environment.ts';
import { synthesise } from '../../infra/app.ts';
import type { Environment } from '../../src/platform/config.ts';
import { awsAccount } from './servers.ts';

/** The port nobody listens on: what is behind it is not asked. */
const NOBODY = 'http://127.0.0.1:1';

export interface ServiceOptions {
  /** `host:port` */
  readonly temporal: string;
  /** Default: an issuer that nobody asks. */
  readonly issuer?: string;
  /** Default: 0. */
  readonly apiPort?: number;
}

/** The service's resources in an account of their own, and the environment of its processes; none of them runs yet. */
export async function deployService({
  temporal,
  issuer = NOBODY,
  apiPort = 0,
}: ServiceOptions): Promise<{ readonly account: AwsConfig; readonly env: Environment }> {
  const account = awsAccount();
  const outputs = { ...(await deploy(account, synthesise())), AuditQueueUrl: '' };
  const { PATH } = process.env;
  const addresses = { temporal, aws: account, provider: NOBODY, issuer, apiPort };
  return {
    account,
    env: {
      ...stackEnvironment({ PATH }, addresses, outputs),
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    },
  };
}
