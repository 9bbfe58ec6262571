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
    id: 'cancelled-line-is-sent',
    what: 'a parcel is not called back where a part of what is booked was cancelled',
    file: 'src/domain/shipment.ts',
    find: 'return isEmptied || withoutCancelled(holds, cancelledLines).length < holds.length;',
    replace: 'return isEmptied;',
    caughtBy: {
      file: 'test/domain/shipment.test.ts',
      title: 'are called back where a part of what was booked is cancelled',
    },
  },
  {
    id: 'lost-pieces-on-sale',
    what: 'cancelled pieces of a lost parcel that is sent once more are put on sale',
    file: 'src/domain/lines.ts',
    find: 'cancelledLines: withLost(order.cancelledLines, lost.holds ?? []),',
    replace: '',
    caughtBy: {
      file: 'test/domain/lines.test.ts',
      title: 'are lost where the parcel that is sent once more held them too',
    },
  },
  {
    id: 'on-sale-in-its-parcel',
    what: 'pieces of a cancelled line are put on sale before it is known whether their parcel has left',
    file: 'src/domain/shipment.ts',
    find: "return status === 'booked' || status === 'lost' ? (holds ?? []) : [];",
    replace: 'return [];',
    caughtBy: {
      file: 'test/domain/lines.test.ts',
      title: 'are not given back before their parcel is called back, nor once it is lost',
    },
  },
  {
    id: 'compensation-after-step',
    what: 'how a payment is undone is entered once it is authorised, not before it is tried',
    file: 'src/workflows/orderPayment.ts',
    find: `  saga.before('return-payment');
  for (;;) {
    while (!isHeld(progress)) {
      if (isCustomersTurn(progress)) await customerActs(input, progress);
      if (isSettlementDue(progress)) await settleLines(input, progress);
      progress.be('awaiting-payment');
      await authorise(input, progress);
    }
`,
    replace: `  for (;;) {
    while (!isHeld(progress)) {
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
  {
    id: 'queue-left-waiting',
    what: 'a restocking that goes on in a new run forgets that not all have been served',
    file: 'src/workflows/restockProgress.ts',
    find: '    this.#hasNews = true;\n    await this.#continueAsNew();',
    replace: '    await this.#continueAsNew();',
    caughtBy: {
      file: 'test/workflows/restock.test.ts',
      title: 'serves a long queue in rounds, and goes on with the next in a new run',
    },
  },
  {
    id: 'help-not-carried',
    what: 'an operator’s help is lost that comes while a run leaves',
    file: 'src/workflows/orderProgress.ts',
    find: 'if (!over()) await this.#continueAsNew(over);',
    replace: 'if (!over()) await this.#continueAsNew();',
    caughtBy: {
      file: 'test/workflows/orderCarried.test.ts',
      title: 'is helped by an operator who comes while it leaves',
    },
  },
  {
    id: 'parcels-told-not-carried',
    what: 'news of a parcel is told to nobody that comes while a run leaves',
    file: 'src/workflows/orderProgress.ts',
    find: '        parcelsTold: this.parcelsTold,\n',
    replace: '',
    caughtBy: {
      file: 'test/workflows/orderCarried.test.ts',
      title: 'tells of a parcel once, whether its news came before it left or meanwhile',
    },
  },
  {
    id: 'release-number-taken',
    what: 'a new run gives back an older cancellation under the number of the one that was begun',
    file: 'src/workflows/orderProgress.ts',
    find: '        order: this.order,\n',
    replace: '        order: { ...this.order, settling: null },\n',
    caughtBy: {
      file: 'test/workflows/orderCarried.test.ts',
      title:
        'gives back under its own number what an older cancellation must not take the place of',
    },
  },
  {
    id: 'unwanted-waited-for',
    what: 'an order waits for the pieces of a line that was given up',
    file: 'src/workflows/orderStock.ts',
    find: "progress.order.waitingFor !== 'stock' || isLess();",
    replace: "progress.order.waitingFor !== 'stock';",
    caughtBy: {
      file: 'test/workflows/orderStock.test.ts',
      title: 'waits no longer for a line that is given up',
    },
  },
  {
    id: 'ordering-serves-nobody',
    what: 'what comes is not put on sale while the supplier does not answer',
    file: 'src/workflows/restock.ts',
    find: 'if (patched(SERVES_MEANWHILE)) {',
    replace: 'if (patched(SERVES_MEANWHILE) && sku === "") {',
    caughtBy: {
      file: 'test/workflows/restock.test.ts',
      title: 'puts on sale what comes, and serves, while the supplier does not answer',
    },
  },
  {
    id: 'operator-not-asked-again',
    what: 'a new run tries once more what an operator was asked about',
    file: 'src/workflows/orderProgress.ts',
    find: 'return this.#asked?.reason === reason && this.#asked.about === about;',
    replace: 'return this.#asked?.reason === reason && about === null;',
    caughtBy: {
      file: 'test/workflows/orderCarried.test.ts',
      title: 'refunds nothing that an operator may have refunded by hand: for the whole order',
    },
  },
  {
    id: 'cancellation-waits',
    what: 'a cancelled order waits for the answer of the step that is under way',
    file: 'src/workflows/orderProgress.ts',
    find: 'await this.#decideUntil(() => settled || this.order.cancellation !== null);',
    replace: 'await this.#decideUntil(() => settled);',
    caughtBy: {
      file: 'test/workflows/orderPayments.test.ts',
      title: 'has one winner where a cancellation meets the capture',
    },
  },
  {
    id: 'lost-told-as-refunded',
    what: 'an order says that it has refunded what a bank has given back',
    file: 'src/workflows/orderPayment.ts',
    find: 'refunded: captured - lost });',
    replace: 'refunded: captured });',
    caughtBy: {
      file: 'test/workflows/orderPayments.test.ts',
      title: 'is given back as far as the bank has not done so',
    },
  },
];
