import { isGrpcServiceError } from '@temporalio/client';

/** gRPC's status codes: not allowed, and not offered here. */
const REFUSALS: readonly number[] = [7, 12];

/**
 * Runs `change`; answers false where Temporal does not let it be made from here. Temporal Cloud refuses what concerns a
 * namespace itself: that goes through its own command line or Web UI.
 */
export async function allowed(change: () => Promise<unknown>): Promise<boolean> {
  try {
    await change();
    return true;
  } catch (error) {
    if (isGrpcServiceError(error) && REFUSALS.includes(Number(error.code))) return false;
    throw error;
  }
}
