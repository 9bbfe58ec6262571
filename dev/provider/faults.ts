import type { FastifyReply } from 'fastify';
import { z } from 'zod';

const WRITES = ['create', 'confirm', 'capture', 'cancel', 'refund'] as const;

/** How a request ends that meets a fault. */
const ending = {
  /**
   * `error`: it is answered 500, and so is whatever comes with its key until that is forgotten. `hang`: it is not
   * answered until the caller gives up. `drop`: its connection breaks in the middle of the answer.
   */
  how: z.enum(['error', 'hang', 'drop']),
  /** How many requests meet it. Default 1. */
  times: z.int().min(1).max(1_000).default(1),
  /** Only requests about this order's payment meet it. Default: all do. */
  orderKey: z.string().min(1).optional(),
};

/** A fault as it is asked for. A look-up (of an intent, or of an intent's refunds) has no effect to take. */
export const FaultRequest = z.discriminatedUnion('operation', [
  z.strictObject({
    operation: z.enum(WRITES),
    /** Whether the request takes effect before it ends so. */
    takesEffect: z.boolean(),
    ...ending,
  }),
  z.strictObject({ operation: z.literal('retrieve'), ...ending }),
]);

export type Fault = z.output<typeof FaultRequest>;
export type WriteOperation = (typeof WRITES)[number];

/** How one request ended that met a fault. */
export type MetFault = Pick<Fault, 'operation' | 'how'> & { readonly takesEffect: boolean };

/** The faults that are asked for and not met yet: of those that match a request, the oldest meets it. */
export interface Faults {
  add(fault: Fault): void;
  /** Takes the fault that this request meets. A request that a key's kept answer answers meets none. */
  meet(operation: Fault['operation'], orderKey: string | null): Fault | undefined;
  /** Ends a request without an answer. */
  interrupt(reply: FastifyReply, how: 'hang' | 'drop'): FastifyReply;
  /** Those that are left, with the times that are. */
  pending(): readonly Fault[];
  /** Forgets them, and breaks the connections that hang. */
  clear(): void;
}

/** @param onMet - told of every request that meets one. */
export function createFaults(onMet: (met: MetFault) => void): Faults {
  const pending: Fault[] = [];
  const hanging = new Set<FastifyReply>();
  return {
    add: (fault) => void pending.push(fault),
    meet(operation, orderKey) {
      const index = pending.findIndex(
        (fault) =>
          fault.operation === operation &&
          (fault.orderKey === undefined || fault.orderKey === orderKey),
      );
      const fault = pending[index];
      if (!fault) return undefined;
      if (fault.times > 1) pending[index] = { ...fault, times: fault.times - 1 };
      else pending.splice(index, 1);
      const { how } = fault;
      const takesEffect = fault.operation !== 'retrieve' && fault.takesEffect;
      onMet({ operation, how, takesEffect });
      return fault;
    },
    interrupt(reply, how) {
      reply.hijack();
      if (how === 'drop') {
        cut(reply);
      } else {
        hanging.add(reply);
        reply.raw.once('close', () => hanging.delete(reply));
      }
      return reply;
    },
    pending: () => [...pending],
    clear() {
      pending.splice(0);
      hanging.forEach(cut);
    },
  };
}

/** In the middle of the answer: where nothing has come yet, the stripe package repeats a call by itself, unseen. */
function cut({ raw }: FastifyReply): void {
  raw.writeHead(200, { 'content-type': 'application/json', 'content-length': 1_000 });
  raw.write('{', () => raw.destroy());
}

/** What is answered, and kept, in place of an answer. */
export const SERVER_ERROR = {
  status: 500,
  body: { error: { type: 'api_error', message: 'The sandbox was asked to fail here.' } },
} as const;
