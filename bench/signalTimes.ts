/** What is read of an event of a history. */
interface HistoryEvent {
  /** A Long, or a number. */
  readonly eventTime?: { readonly seconds?: unknown; readonly nanos?: number | null } | null;
  readonly workflowExecutionSignaledEventAttributes?: object | null;
  readonly workflowTaskCompletedEventAttributes?: object | null;
}

/**
 * How many milliseconds passed from each signal to the end of the workflow task that took it, by the service's clock.
 * Signals that no task has taken yet are left out.
 */
export function signalTimes(events: readonly HistoryEvent[]): readonly number[] {
  const times: number[] = [];
  let waiting: number[] = [];
  for (const event of events) {
    if (event.workflowExecutionSignaledEventAttributes) waiting.push(millisecondsOf(event));
    if (event.workflowTaskCompletedEventAttributes) {
      const at = millisecondsOf(event);
      times.push(...waiting.map((signalledAt) => at - signalledAt));
      waiting = [];
    }
  }
  return times;
}

function millisecondsOf({ eventTime }: HistoryEvent): number {
  return Number(eventTime?.seconds ?? 0) * 1_000 + (eventTime?.nanos ?? 0) / 1e6;
}
