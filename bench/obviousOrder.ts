import {
  ApplicationFailure,
  condition,
  proxyActivities,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { orderWorkflowId, type PlacedOrder } from '../src/contracts/orders.ts';
import { PAYMENTS_TASK_QUEUE } from '../src/contracts/taskQueues.ts';
import { piecesBySku, totalOf } from '../src/domain/order.ts';
import { screeningDecision } from '../src/domain/screening.ts';
import {
  OBVIOUS_SIGNALS,
  type ObviousActivities,
  type ObviousPaymentActivities,
  type ObviousStatus,
} from './obviousContract.ts';

const {
  claimRow,
  screenOrder,
  reserve,
  writeStatus,
  storeIntent,
  publish,
  createShipment,
  closeRow,
} = proxyActivities<ObviousActivities>({ startToCloseTimeout: '20s' });
const { createIntent, confirm, capture } = proxyActivities<ObviousPaymentActivities>({
  startToCloseTimeout: '40s',
  taskQueue: PAYMENTS_TASK_QUEUE,
});

/**
 * An order as one writes it first: one awaited activity per effect, each event its own signal. Only the way to a paid
 * and delivered order is here: whatever else may come fails it. Undoing, commands and a timeline would cost it more.
 */
export async function obviousOrderWorkflow(placed: PlacedOrder): Promise<void> {
  const { channel, orderId, customerId, lines, currency, paymentMethod } = placed;
  const orderKey = orderWorkflowId(placed);
  const money = totalOf(lines, currency);
  let isDispatched = false;
  let isDelivered = false;
  setHandler(OBVIOUS_SIGNALS.ShipmentDispatched, () => void (isDispatched = true));
  setHandler(OBVIOUS_SIGNALS.ShipmentDelivered, () => void (isDelivered = true));

  let version = 0;
  const become = async (status: ObviousStatus): Promise<void> => {
    await writeStatus({ orderKey, status });
    version += 1;
    await publish({ orderKey, channel, orderId, customerId, status, version });
  };

  const claimedBy = workflowInfo().firstExecutionRunId;
  if ((await claimRow({ orderKey, claimedBy, placed })) === 'duplicate') return;
  const pieces = lines.reduce((sum, { quantity }) => sum + quantity, 0);
  const { score } = await screenOrder({ orderKey, customerId, total: money, pieces });
  if (screeningDecision(score) !== 'approve') throw ApplicationFailure.nonRetryable('suspicious');
  await reserve({ orderKey, pieces: piecesBySku(lines) });
  await writeStatus({ orderKey, status: 'awaiting-payment' });

  if (!paymentMethod) throw ApplicationFailure.nonRetryable('nothing to pay with');
  const { id: intentId } = await createIntent({ orderKey, money });
  await storeIntent({ orderKey, intentId });
  await confirm({ orderKey, intentId, method: paymentMethod });
  await become('authorised');
  await capture({ orderKey, intentId });
  await become('paid');

  await createShipment({ orderKey, placed });
  await become('fulfilling');
  await condition(() => isDispatched);
  await become('shipped');
  await condition(() => isDelivered);
  await become('delivered');
  await closeRow({ orderKey });
}
