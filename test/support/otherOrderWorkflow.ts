import { sleep } from '@temporalio/workflow';

/** What an order's workflow would be in other code: its history is not what the code at hand makes. */
export async function orderWorkflow(): Promise<void> {
  await sleep(1);
}
