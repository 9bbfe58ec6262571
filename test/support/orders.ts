import type { OrderRow } from '../../src/contracts/orders.ts';
import type { OrderLine } from '../../src/domain/order.ts';
import { startOrderService, type OrderService } from './orderService.ts';

// What the tests of orders have in common.

/** A card that is declined, so that another may help. */
export const SOFT_DECLINE = 'pm_card_visa_chargeDeclinedInsufficientFunds';
export const CUSTOMER = { reason: 'changed-my-mind', requestedBy: 'customer:c-1' };
export const VISA = { paymentMethod: 'pm_card_visa', requestedBy: 'customer:c-1' };
export const OPERATOR = { requestedBy: 'staff:ana' };

/** Three lines, in one parcel. */
export const LINES: OrderLine[] = [
  { sku: 'record', quantity: 1, amount: 2_999, sellerId: 'seller-1' },
  { sku: 'sleeve', quantity: 3, amount: 500, sellerId: 'seller-1' },
  { sku: 'record', quantity: 2, amount: 5_001, sellerId: 'seller-1' },
];

/** Its parcels are booked, and none has left. */
export const fulfilling = ({ state }: OrderRow) => state === 'fulfilling';
export const declined = ({ waitingFor }: OrderRow) => waitingFor === 'payment-method';
export const stuck = ({ waitingFor }: OrderRow) => waitingFor === 'operator';

/** Runs an order service for the tests of a `describe`. @param take - gets it before the first of them. */
export function withOrderService(
  take: (service: OrderService) => void,
  options?: Parameters<typeof startOrderService>[0],
): void {
  let service: OrderService | undefined;
  before(async function () {
    this.timeout(180_000);
    service = await startOrderService(options);
    await service.startPayments();
    take(service);
  });
  after(() => service?.stop());
}
