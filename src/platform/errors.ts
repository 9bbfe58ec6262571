/**
 * Something that whoever runs the program can mend: the cli prints `message` and `hint`, without a stack trace,
 * and exits 2. Everything else that is thrown is a defect, and keeps its stack.
 */
export class UserError extends Error {
  override readonly name = 'UserError';
  /** What to set or start, in one line. */
  readonly hint: string;

  constructor(message: string, hint: string, options?: ErrorOptions) {
    super(message, options);
    this.hint = hint;
  }
}

/** What the system says where nobody is, or nobody answers. */
const UNANSWERED = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
]);

/**
 * Says what to set, where an AWS call failed because AWS could not be asked at all: no region, no credentials,
 * nobody at the endpoint.
 *
 * @returns undefined for every other error: it is not for the user to mend.
 */
export function explainAwsError(error: unknown): UserError | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error.message === 'Region is missing') {
    return new UserError('AWS cannot be reached: no region is set', 'set AWS_REGION', {
      cause: error,
    });
  }
  if (error.name === 'CredentialsProviderError') {
    return new UserError(
      'AWS cannot be reached: no credentials were found',
      'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE',
      { cause: error },
    );
  }
  const code = 'code' in error ? error.code : undefined;
  const unanswered = error.name === 'TimeoutError' || UNANSWERED.has(String(code));
  if (unanswered) {
    return new UserError(
      `AWS cannot be reached: ${error.message || String(code)}`,
      'check AWS_ENDPOINT_URL and AWS_REGION, and that what they name is running',
      { cause: error },
    );
  }
  return undefined;
}
