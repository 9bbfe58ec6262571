import type { StackPorts } from '../../../dev/ports.ts';
import { startTestStack, type TestStack } from '../../support/stack.ts';
import { seeded } from '../random.ts';
import { openLink, type Link } from './link.ts';
import { LINKS, type LinkName } from './plan.ts';

/** The whole service, with links that can fail between its processes and the servers. */
export interface Stage extends TestStack {
  readonly links: Readonly<Record<LinkName, Link>>;
}

/** How long anything may take that the service does in the end, in seconds: no order is to give up under faults. */
const PATIENCE_SECONDS = 3_600;

/**
 * Starts it on free ports.
 *
 * @param seed - decides which requests arrive twice where they are repeated.
 * @param paymentMethodWithinSeconds - how long a declined order waits for another card: longer than there are faults.
 */
export async function startStage(seed: number, paymentMethodWithinSeconds: number): Promise<Stage> {
  const random = seeded(seed);
  const opened = new Map<LinkName, Link>();
  const policy = { paymentMethodWithinSeconds, compensationRetrySeconds: PATIENCE_SECONDS };
  const putBetween = async (ports: StackPorts) => {
    const open = async (name: LinkName) => {
      const link = await openLink({ target: ports[name], random });
      opened.set(name, link);
      return [name, link.port] as const;
    };
    return Object.fromEntries(await Promise.all(LINKS.map(open)));
  };
  const test = await startTestStack(policy, { putBetween });
  return {
    ...test,
    links: Object.fromEntries(opened) as Record<LinkName, Link>,
    async stop(options) {
      await test.stop(options);
      await Promise.all([...opened.values()].map((link) => link.close()));
    },
  };
}
