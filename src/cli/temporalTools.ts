import { isGrpcServiceError } from '@temporalio/client';
import { UserError } from '../platform/errors.ts';
import { connectTemporal, type TemporalClient } from '../platform/temporal.ts';

/** Connects for as long as the work takes. @throws UserError when Temporal does not answer. */
export async function withTemporal<Result>(
  work: (temporal: TemporalClient) => Promise<Result>,
): Promise<Result> {
  const temporal = await connectTemporal({ retries: true });
  try {
    return await work(temporal);
  } catch (error) {
    if (error instanceof UserError) throw error;
    const cause = error instanceof Error && isGrpcServiceError(error.cause) ? error.cause : error;
    if (!isGrpcServiceError(cause)) throw error;
    throw new UserError(
      `Temporal does not answer: ${cause.details}`,
      'check TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE; see `waybill doctor`',
      { cause: error },
    );
  } finally {
    await temporal.connection.close();
  }
}
