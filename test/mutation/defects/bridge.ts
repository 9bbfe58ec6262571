import type { Defect } from '../defect.ts';

/** Of the way from a message to its workflow. */
export const BRIDGE_DEFECTS: readonly Defect[] = [
  {
    id: 'delete-before-deliver',
    what: 'a message is deleted before it is delivered',
    file: 'src/bridges/sqsSource.ts',
    find: '    try {\n      const source = sourceMessageOf(',
    replace:
      '    try {\n      await deleteMessage(message);\n      const source = sourceMessageOf(',
    caughtBy: {
      file: 'test/bridges/bridge.test.ts',
      title: 'keeps an event that comes before its start until then',
    },
  },
  {
    id: 'failed-delete-forgotten',
    what: 'a delete that SQS refuses is taken as done',
    file: 'src/bridges/sqsSource.ts',
    find: 'if (await removing) return;',
    replace: 'await removing;\n      return;',
    caughtBy: {
      file: 'test/bridges/stopping.test.ts',
      title: 'deletes again only what was not deleted',
    },
  },
  {
    id: 'own-clock-trusted',
    what: 'the age of a message goes by our clock against that of SQS',
    file: 'src/bridges/sourceMessage.ts',
    find: 'Number(firstReceivedAt) - clockOffset',
    replace: 'Number(firstReceivedAt)',
    caughtBy: { file: 'test/bridges/sqsSource.test.ts', title: 'by the clock of SQS' },
  },
  {
    id: 'parked-under-event-id',
    what: 'parking on FIFO deduplicates by the event ID, so that a second parking vanishes',
    file: 'src/bridges/parking.ts',
    find: 'MessageDeduplicationId: message.MessageId',
    replace: 'MessageDeduplicationId: note.eventId ?? message.MessageId',
    caughtBy: {
      file: 'test/bridges/bridge.test.ts',
      title: 'is parked on a FIFO queue as often as it comes',
    },
  },
  {
    id: 'unlisted-answer-parked',
    what: 'an answer of Temporal that nobody knows parks the message, where it may yet succeed',
    file: 'src/bridges/settlement.ts',
    find: "    case 'unavailable':\n",
    replace:
      "    case 'unexpected':\n      return park('refused', reason('unexpected'));\n    case 'unavailable':\n",
    caughtBy: {
      file: 'test/bridges/settlement.test.ts',
      title: 'parks nothing but what cannot succeed',
    },
  },
  {
    id: 'closed-taken-for-early',
    what: 'a workflow that is closed is taken for one that never was',
    file: 'src/bridges/deliver.ts',
    find: "'RUNNING' ? 'busy' : 'late'",
    replace: "'RUNNING' ? 'busy' : 'early'",
    caughtBy: {
      file: 'test/bridges/bridge.test.ts',
      title: 'acknowledges what comes too late, or parks it where the route says so',
    },
  },
  {
    id: 'start-reuses-id',
    what: 'a start whose workflow has ended starts it again',
    file: 'src/bridges/startOnce.ts',
    find: "workflowIdReusePolicy: 'REJECT_DUPLICATE'",
    replace: "workflowIdReusePolicy: 'ALLOW_DUPLICATE'",
    caughtBy: {
      file: 'test/bridges/bridge.test.ts',
      title: 'acknowledges a start that came before and has ended',
    },
  },
  {
    id: 'update-without-event-id',
    what: 'an update is not known again when its message comes again',
    file: 'src/bridges/deliver.ts',
    find: 'args: plan.args as UpdateArgs,\n          updateId: event.id,',
    replace: 'args: plan.args as UpdateArgs,',
    caughtBy: {
      file: 'test/bridges/operations.test.ts',
      title: 'is delivered once its handler has answered, and repeats are not executed',
    },
  },
  {
    id: 'breaker-off',
    what: 'the breaker never opens: each message is tried, and given back, while Temporal is away',
    file: 'src/bridges/scheduler.ts',
    find: '      trip(delivery, error, lane);\n      return !ending.aborted;',
    replace: '      return false;',
    caughtBy: {
      file: 'test/bridges/breaker.test.ts',
      title: 'stops receiving, parks nothing, and delivers everything when it is back',
    },
  },
  {
    id: 'refusals-ignored',
    what: 'Temporal asks for fewer requests, and gets as many as before',
    file: 'src/bridges/scheduler.ts',
    find: '      limiter.refused();\n      hold();\n',
    replace: '',
    caughtBy: {
      file: 'test/bridges/scheduler.test.ts',
      title: 'sends less, and after a pause, when Temporal asks for fewer requests',
    },
  },
  {
    id: 'lost-lease-delivered',
    what: 'a message is delivered though its visibility has run out',
    file: 'src/bridges/scheduler.ts',
    find: 'if (time < LEAST_DEADLINE) {',
    replace: 'if (Number.isNaN(time)) {',
    caughtBy: {
      file: 'test/bridges/scheduler.test.ts',
      title: 'begins no call for which too little of the lease is left',
    },
  },
  {
    id: 'lost-lease-parked',
    what: 'a message is parked though it is somebody else’s by now',
    file: 'src/bridges/core.ts',
    find: 'if (Date.now() >= message.lease.until) settled =',
    replace: 'if (message.lease.until === 0) settled =',
    caughtBy: {
      file: 'test/bridges/core.test.ts',
      title: 'does not park a message whose lease was lost: somebody else may have it',
    },
  },
  {
    id: 'stopped-group-overtaken',
    what: 'in a FIFO group the next one goes on where the one before it comes again',
    file: 'src/bridges/core.ts',
    find: `        const decided = group.stopped
          ? (await records).map(heldBack)
          : await decideAll(message, await records);`,
    replace: '        const decided = await decideAll(message, await records);',
    caughtBy: {
      file: 'test/bridges/bridge.test.ts',
      title: 'is held by a head that may yet succeed, while others go on',
    },
  },
  {
    id: 'workflow-overtaken',
    what: 'an event overtakes one of its workflow that comes again',
    file: 'src/bridges/scheduler.ts',
    find: '      if (again) for (const { resolve } of takeBehind(lane)) resolve(answerBehind(again));\n',
    replace: '',
    caughtBy: {
      file: 'test/bridges/scheduler.test.ts',
      title: 'lets nothing overtake an event of its workflow that comes again',
    },
  },
  {
    id: 'grace-period-ignored',
    what: 'a stop waits for what is in flight for as long as that takes',
    file: 'src/bridges/bridge.ts',
    find: 'await Promise.race([empty, delay(graceSeconds * 1_000, undefined, { ref: false })]);',
    replace: 'await empty;',
    caughtBy: {
      file: 'test/bridges/stopping.test.ts',
      title: 'gives back at the end of its grace period what is not delivered',
    },
  },
  {
    id: 'depth-unchecked',
    what: 'JSON of any depth is read, though it cannot be written again',
    file: 'src/bridges/json.ts',
    find: 'path.length === MAX_DEPTH',
    replace: 'path.length === Infinity',
    caughtBy: {
      file: 'test/bridges/json.test.ts',
      title: 'refuses what is nested too deeply to be written again',
    },
  },
];
