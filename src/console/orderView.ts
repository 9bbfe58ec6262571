import type { OrderSummary } from '../contracts/indexes.ts';
import type { OrderRow } from '../contracts/orders.ts';
import type { Shipment } from '../domain/shipment.ts';
import { describeMoney } from './money.ts';
import { describeTimeline } from './orderTimeline.ts';
import { localTime, printable } from './printable.ts';

/** Everything a row says of an order, for whoever reads it in a terminal. */
export function describeOrder(row: OrderRow): string {
  const fields: readonly (readonly [string, readonly string[]])[] = [
    ['customer', [row.customerId]],
    ['placed', [localTime(row.placedAt)]],
    ['total', [describeMoney(row.total)]],
    ['payment', [describePayment(row)]],
    ['lines', describeLines(row)],
    ['shipments', row.shipments.map(describeShipment)],
    ['review', row.review ? [`${row.review.decision}, ${why(row.review)}`] : []],
    ['cancelled', row.cancellation ? [why(row.cancellation)] : []],
    ['timeline', describeTimeline(row)],
  ];
  return [
    `order ${row.channel}:${row.orderId}  ${describeState(row)}`,
    ...fields.flatMap(([name, texts]) =>
      texts.map((text, index) => `  ${(index === 0 ? name : '').padEnd(9)}  ${printable(text)}`),
    ),
  ].join('\n');
}

/** Orders as a table, one a line. */
export function describeOrders(orders: readonly OrderSummary[]): string {
  const rows = orders.map((order) => [
    `${order.channel}:${order.orderId}`,
    describeState(order),
    describeMoney(order.total),
    order.customerId,
    localTime(order.placedAt),
  ]);
  const table = [['ORDER', 'STATE', 'TOTAL', 'CUSTOMER', 'PLACED'], ...rows];
  const widths = (table[0] ?? []).map((_, column) =>
    Math.max(...table.map((cells) => cells[column]?.length ?? 0)),
  );
  return table
    .map((cells) =>
      cells
        .map((cell, column) =>
          column === 2 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function describeState({ state, waitingFor, reason }: Omit<OrderSummary, 'total'>): string {
  const waiting = waitingFor === null ? '' : `, waits for ${waitingFor}`;
  return `${state}${waiting}${reason === null ? '' : ` (${printable(reason)})`}`;
}

function describePayment({ payment, total: { currency } }: OrderRow): string {
  const { status, captured, refunded, declineCode } = payment;
  const code = status === 'declined' && declineCode !== null ? ` (${declineCode})` : '';
  const money = (amount: number) => describeMoney({ amount, currency });
  const moved = captured > 0 ? `, ${money(captured)} captured, ${money(refunded)} refunded` : '';
  return `${status}${code}${moved}`;
}

function describeLines({ lines, cancelledLines, total: { currency } }: OrderRow) {
  return lines.map(({ sku, quantity, amount, sellerId }, index) => {
    const cancelled = cancelledLines.find(({ line }) => line === index + 1);
    const gone = cancelled ? `  cancelled: ${why(cancelled)}` : '';
    const price = describeMoney({ amount, currency });
    return `${index + 1}. ${quantity} x ${sku}, ${price}, seller ${sellerId}${gone}`;
  });
}

function why({ reason, requestedBy }: { readonly reason: string; readonly requestedBy: string }) {
  return `${reason} (${requestedBy})`;
}

function describeShipment({ shipmentId, status, carrier, trackingNumber }: Shipment): string {
  const label = carrier && trackingNumber ? `  ${carrier} ${trackingNumber}` : '';
  return `${shipmentId} ${status}${label}`;
}
