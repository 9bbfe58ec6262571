/** Of how many messages it is remembered which records are settled. */
const REMEMBERED = 1_000;

/** What of a message of several records is settled, while the others make it come again. */
export function createLedger<Settled extends { readonly index: number }>() {
  const byMessage = new Map<string, ReadonlyMap<number, Settled>>();
  return {
    /** The settled records of a message, by index. */
    of: (messageId: string) => byMessage.get(messageId),
    /** Keeps them until they are forgotten, or a thousand other messages came. A process that ends forgets all: event IDs tell what came twice. */
    keep(messageId: string, settled: readonly Settled[]): void {
      byMessage.delete(messageId);
      if (settled.length === 0) return;
      byMessage.set(messageId, new Map(settled.map((record) => [record.index, record])));
      if (byMessage.size > REMEMBERED) {
        const [oldest] = byMessage.keys();
        if (oldest !== undefined) byMessage.delete(oldest);
      }
    },
    forget: (messageId: string) => void byMessage.delete(messageId),
  };
}
