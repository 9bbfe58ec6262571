import type { Defect } from '../defect.ts';

/** Of what is written to tables, to the payment provider and to topics. */
export const ACTIVITY_DEFECTS: readonly Defect[] = [
  {
    id: 'claim-unconditional',
    what: 'an order’s row is claimed though another start has it',
    file: 'src/activities/orders.ts',
    find: "{ Put: { ...putRow(row), ConditionExpression: 'attribute_not_exists(orderKey)' } },",
    replace: '{ Put: { TableName: ordersTable, Item: orderItem(row) } },',
    caughtBy: {
      file: 'test/activities/orders.test.ts',
      title: 'is given to exactly one of many starts at once',
    },
  },
  {
    id: 'projection-goes-back',
    what: 'an older revision of an order’s row is written over a newer one',
    file: 'src/activities/orders.ts',
    find: 'revision < :revision',
    replace: 'revision <> :revision',
    caughtBy: {
      file: 'test/activities/orders.test.ts',
      title: 'ends with the newest revision, in whatever order announcements come',
    },
  },
  {
    id: 'notification-id-drawn',
    what: 'a notification that is repeated has another ID',
    file: 'src/activities/notifications.ts',
    find: "notificationId: `${workflowId}/${version}`,\n      type: notice ?? 'order-state',",
    replace:
      "notificationId: `${workflowId}/${crypto.randomUUID()}`,\n      type: notice ?? 'order-state',",
    caughtBy: {
      file: 'test/activities/orders.test.ts',
      title: 'repeated after it was cut off between row and topic, publishes with the same ID',
    },
  },
  {
    id: 'oversold',
    what: 'pieces are reserved that are not there',
    file: 'src/activities/stockTable.ts',
    find: "                  ConditionExpression: 'available >= :quantity',\n",
    replace: '',
    caughtBy: {
      file: 'test/activities/stock.test.ts',
      title: 'gives the last piece to one of many',
    },
  },
  {
    id: 'no-tombstone',
    what: 'a release before the reservation leaves nothing behind that refuses it',
    file: 'src/activities/stock.ts',
    find: ': await putTombstone(orderKey);',
    replace: ': true;',
    caughtBy: {
      file: 'test/activities/stock.test.ts',
      title: 'before any reserve leaves a tombstone',
    },
  },
  {
    id: 'retry-under-another-key',
    what: 'each try of a call to the provider has an idempotency key of its own',
    file: 'src/activities/providerKeys.ts',
    find: 'idempotencyKey: keyOf(row.orderKey, step, number)',
    replace: 'idempotencyKey: crypto.randomUUID()',
    caughtBy: {
      file: 'test/activities/paymentsFaults.test.ts',
      title: 'take effect once where a worker dies after it, and another goes on',
    },
  },
  {
    id: 'replayed-500-final',
    what: 'a key that has kept a 500 is used for ever',
    file: 'src/activities/providerKeys.ts',
    find: '    if (isReplayedServerError(error)) await table.nextKey(row.orderKey, step, number);\n',
    replace: '',
    caughtBy: {
      file: 'test/activities/paymentsFaults.test.ts',
      title: 'look before they use another key for one that answers 500 for ever',
    },
  },
  {
    id: 'forgotten-key-charged-again',
    what: 'what the provider has done is not looked up, so that it does it again once it has forgotten the key',
    file: 'src/activities/refunds.ts',
    find: '    (await findRefund(stripe, intentId, refundId)) ??\n',
    replace: '',
    caughtBy: {
      file: 'test/activities/paymentsFaults.test.ts',
      title: 'look it up where the key was forgotten before they tried again',
    },
  },
  {
    id: 'refund-above-refundable',
    what: 'more is refunded than is left of what was captured',
    file: 'src/activities/refundTable.ts',
    find: "'refundable >= :amount AND #status",
    replace: "'#status",
    caughtBy: {
      file: 'test/activities/paymentsRefund.test.ts',
      title: 'gives back once for each step, and never more in all than was captured',
    },
  },
  {
    id: 'refund-entered-twice',
    what: 'two workers enter the same refund, and each takes its amount',
    file: 'src/activities/refundTable.ts',
    find: "'attribute_not_exists(entry) OR #status = :refused'",
    replace: "'attribute_not_exists(entry) OR #status = :refused OR attribute_exists(entry)'",
    caughtBy: {
      file: 'test/activities/paymentsRefund.test.ts',
      title: 'takes its amount once where two workers have found that it had not begun',
    },
  },
  {
    id: 'disputed-refunded',
    what: 'a payment is refunded while the bank disputes it',
    file: 'src/activities/refundTable.ts',
    find: ' AND attribute_not_exists(disputed)',
    replace: '',
    caughtBy: {
      file: 'test/activities/disputes.test.ts',
      title: 'let no refund begin until the last dispute is closed',
    },
  },
  {
    id: 'lost-refunded-again',
    what: 'a refund asks for what was lost in a dispute before, and is stuck for ever',
    file: 'src/activities/payments.ts',
    find: 'return lost > 0 ? Math.min(amount, refundable) : amount;',
    replace: 'return lost > 0 && refundable === -1 ? 0 : amount;',
    caughtBy: {
      file: 'test/activities/disputes.test.ts',
      title: 'take what is lost out of what is refundable, once',
    },
  },
  {
    id: 'delivery-counted-twice',
    what: 'what a supplier delivered is put on sale as often as it is told',
    file: 'src/activities/restocking.ts',
    find: '                  ...IF_ABSENT,\n',
    replace: '',
    caughtBy: {
      file: 'test/activities/restocking.test.ts',
      title: 'puts on sale what came, once for each receipt',
    },
  },
];
