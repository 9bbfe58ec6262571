import type { Defect } from '../defect.ts';

const CARRIED = {
  file: 'test/workflows/orderCarried.test.ts',
  title: 'takes along where it stands, what it has dealt with and what it has still to decide',
};

/** Of what the workflows and the domain decide. */
export const WORKFLOW_DEFECTS: readonly Defect[] = [
  {
    id: 'no-dedupe-in-inbox',
    what: 'an event that comes again is applied again',
    file: 'src/workflows/inbox.ts',
    find: '      else if (this.#knows(event.id)) this.#repeats += 1;\n',
    replace: '',
    caughtBy: {
      file: 'test/workflows/order.test.ts',
      title: 'survives poison, unknown types, unknown signals and repeats',
    },
  },
  {
    id: 'poison-throws',
    what: 'an event whose handler throws fails its workflow',
    file: 'src/workflows/inbox.ts',
    find: '      settled = apply(event);\n    } catch (error) {\n      settled = failed(error);',
    replace: '      settled = apply(event);\n    } catch (error) {\n      throw error;',
    caughtBy: {
      file: 'test/workflows/order.test.ts',
      title: 'survives poison, unknown types, unknown signals and repeats',
    },
  },
  {
    id: 'inbox-not-carried',
    what: 'what the inbox holds and knows is lost where a workflow continues as new',
    file: 'src/workflows/orderProgress.ts',
    find: 'inbox: this.#inbox.content(),',
    replace: 'inbox: { pending: [], records: [], repeats: 0 },',
    caughtBy: CARRIED,
  },
  {
    id: 'version-not-carried',
    what: 'the order’s version begins anew where its workflow continues as new',
    file: 'src/workflows/orderProgress.ts',
    find: 'version: this.version,',
    replace: 'version: 1,',
    caughtBy: CARRIED,
  },
  {
    id: 'compensation-after-step',
    what: 'how a payment is undone is entered once it is authorised, not before it is tried',
    file: 'src/workflows/orderPayment.ts',
    find: `  saga.before('return-payment');
  for (;;) {
    while (progress.order.payment.status !== 'authorised') {
      if (isCustomersTurn(progress)) await customerActs(input, progress);
      if (isSettlementDue(progress)) await settleLines(input, progress);
      progress.be('awaiting-payment');
      await authorise(input, progress);
    }
`,
    replace: `  for (;;) {
    while (progress.order.payment.status !== 'authorised') {
      if (isCustomersTurn(progress)) await customerActs(input, progress);
      if (isSettlementDue(progress)) await settleLines(input, progress);
      progress.be('awaiting-payment');
      await authorise(input, progress);
    }
    saga.before('return-payment');
`,
    caughtBy: {
      file: 'test/workflows/orderPayments.test.ts',
      title: 'is given back where the order was cancelled before it was known',
    },
  },
  {
    id: 'failed-compensation-passed-over',
    what: 'a compensation that keeps failing is taken as done',
    file: 'src/workflows/saga.ts',
    find: '          throw new CompensationFailed(undo, error);\n',
    replace: '',
    caughtBy: {
      file: 'test/workflows/order.test.ts',
      title: 'asks for an operator when a compensation keeps failing, and goes on when resumed',
    },
  },
  {
    id: 'late-cancel-accepted',
    what: 'an order is cancelled though a parcel of it has left',
    file: 'src/domain/order.ts',
    find: "return isDispatched(order.shipments) ? 'already-dispatched' : null;",
    replace: 'return null;',
    caughtBy: {
      file: 'test/domain/order.test.ts',
      title: 'can be cancelled until its first parcel left, once',
    },
  },
  {
    id: 'foreign-capture-believed',
    what: 'a capture of another amount or currency confirms the payment',
    file: 'src/domain/order.ts',
    find: 'if (!isOurs || currency !== total.currency) {',
    replace: 'if (amount < 0) {',
    caughtBy: {
      file: 'test/domain/order.test.ts',
      title: "believes the provider's capture only for its own intent and amount",
    },
  },
  {
    id: 'reminded-twice',
    what: 'a customer who is reminded late is reminded again at once',
    file: 'src/domain/reminders.ts',
    find: 'return Math.max(told + 1, times.filter((at) => at <= now).length);',
    replace: 'return told + 1;',
    caughtBy: {
      file: 'test/domain/reminders.test.ts',
      title: 'that came due while nobody could remind count as one',
    },
  },
  {
    id: 'two-restocks',
    what: 'pieces of a SKU are ordered again while the supplier’s are awaited',
    file: 'src/workflows/restock.ts',
    find: '    if (progress.isExpecting) return 0;\n',
    replace: '',
    caughtBy: {
      file: 'test/workflows/restock.test.ts',
      title: 'orders once, however often it is told that the SKU is low',
    },
  },
];
