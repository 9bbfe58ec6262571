import { seeded } from '../random.ts';

/** What is killed and started again, by SIGKILL. */
export const KILLED = ['worker', 'bridge', 'api', 'temporal', 'provider'] as const;
/** The ways from worker, bridge and API to the servers. */
export const LINKS = ['temporal', 'emulator', 'provider'] as const;
const HTTP_LINKS = ['emulator', 'provider'] as const;
const OPERATIONS = ['create', 'confirm', 'capture', 'cancel', 'refund', 'retrieve'] as const;
const ENDINGS = ['error', 'hang', 'drop'] as const;
/** As the stack's outputs call them, without `QueueUrl`. */
const QUEUES = ['Orders', 'Payments', 'PaymentsFifo', 'Fulfilment'] as const;

export type LinkName = (typeof LINKS)[number];
export type Operation = (typeof OPERATIONS)[number];

/** One thing that is done to the service. All times are in milliseconds. */
export type Fault =
  /** SIGKILL, and started again after `down`. */
  | { readonly kind: 'kill'; readonly part: (typeof KILLED)[number]; readonly down: number }
  /** SIGTERM, as the emulator keeps what it holds at a clean stop only. */
  | { readonly kind: 'restart'; readonly part: 'emulator'; readonly down: number }
  /** Every connection breaks. */
  | { readonly kind: 'reset'; readonly link: LinkName }
  /** Every connection breaks, and no other comes about for as long as it lasts. */
  | { readonly kind: 'cut'; readonly link: LinkName; readonly lasts: number }
  /** What is sent arrives later by so much, one piece after the other. */
  | { readonly kind: 'delay'; readonly link: LinkName; readonly lasts: number; readonly by: number }
  /** Requests arrive twice, on two connections. */
  | {
      readonly kind: 'repeat';
      readonly link: (typeof HTTP_LINKS)[number];
      readonly lasts: number;
    }
  /** The next calls of the payment provider end so; with effect: it has done what was asked before. */
  | {
      readonly kind: 'provider';
      readonly operation: Operation;
      readonly how: (typeof ENDINGS)[number];
      readonly takesEffect: boolean;
      readonly times: number;
    }
  /** An operator sends everything of a queue that is parked once more. */
  | { readonly kind: 'redrive'; readonly queue: (typeof QUEUES)[number] };

export interface PlannedFault {
  /** Milliseconds since the faults began. */
  readonly at: number;
  readonly fault: Fault;
}

export interface PlanOptions {
  readonly seed: number;
  /** For how long there are faults, in milliseconds. */
  readonly lasts: number;
  /** From when on nothing is killed or restarted any more, in milliseconds. Default: `lasts`. */
  readonly killsUntil?: number;
}

/** Between two faults, in milliseconds. */
const LEAST_PAUSE = 300;
const MOST_PAUSE = 1_800;
/** What a part or a link has for itself after its fault, in milliseconds: else the service would never be up. */
const RECOVERY = 4_000;

/**
 * Draws what is done to the service, and when: the same for the same seed. How often a kind is drawn, `KINDS` says; one
 * process or link has one fault at a time.
 */
export function planFaults({
  seed,
  lasts,
  killsUntil = lasts,
}: PlanOptions): readonly PlannedFault[] {
  const random = seeded(seed);
  const draw = createDraw(random);
  const plan: PlannedFault[] = [];
  const freeFrom = new Map<string, number>();
  for (
    let at = draw.between(LEAST_PAUSE, MOST_PAUSE);
    at < lasts;
    at += draw.between(LEAST_PAUSE, MOST_PAUSE)
  ) {
    const fault = drawFault(draw);
    const victim = victimOf(fault);
    const isKill = fault.kind === 'kill' || fault.kind === 'restart';
    if ((freeFrom.get(victim) ?? 0) > at || (isKill && at >= killsUntil)) continue;
    freeFrom.set(victim, at + durationOf(fault) + RECOVERY);
    plan.push({ at, fault });
  }
  return plan;
}

function createDraw(random: () => number) {
  return {
    /** A whole number. */
    between: (least: number, most: number) => Math.floor(least + random() * (most - least)),
    of: <Value>(values: readonly Value[]): Value =>
      values[Math.floor(random() * values.length)] as Value,
  };
}

/** Kills come as often as there are parts to kill. */
const KINDS = [
  ...KILLED.map(() => 'kill' as const),
  'restart',
  'reset',
  'cut',
  'delay',
  'delay',
  'repeat',
  'repeat',
  'provider',
  'provider',
  'provider',
  'provider',
  'redrive',
  'redrive',
] as const satisfies readonly Fault['kind'][];

function drawFault({ between, of }: ReturnType<typeof createDraw>): Fault {
  const kind = of(KINDS);
  switch (kind) {
    case 'kill':
      return { kind, part: of(KILLED), down: between(0, 3_000) };
    case 'restart':
      return { kind, part: 'emulator', down: between(0, 1_500) };
    case 'reset':
      return { kind, link: of(LINKS) };
    case 'cut':
      return { kind, link: of(LINKS), lasts: between(500, 6_000) };
    case 'delay':
      return { kind, link: of(LINKS), lasts: between(2_000, 8_000), by: between(50, 1_000) };
    case 'repeat':
      return { kind, link: of(HTTP_LINKS), lasts: between(2_000, 8_000) };
    case 'provider': {
      const operation = of(OPERATIONS);
      // A look-up has no effect to take.
      const takesEffect = operation !== 'retrieve' && between(0, 2) === 1;
      return { kind, operation, how: of(ENDINGS), takesEffect, times: between(1, 4) };
    }
    case 'redrive':
      return { kind, queue: of(QUEUES) };
  }
}

function victimOf(fault: Fault): string {
  switch (fault.kind) {
    case 'kill':
    case 'restart':
      return fault.part;
    case 'reset':
    case 'cut':
    case 'delay':
    case 'repeat':
      return `link to ${fault.link}`;
    case 'provider':
      return `provider's ${fault.operation}`;
    case 'redrive':
      return `dead letters of ${fault.queue}`;
  }
}

function durationOf(fault: Fault): number {
  if ('down' in fault) return fault.down;
  return 'lasts' in fault ? fault.lasts : 0;
}

type Described =
  | Exclude<Fault, { readonly kind: 'provider' }>
  | Pick<Extract<Fault, { readonly kind: 'provider' }>, 'kind' | 'how' | 'takesEffect'>;

/** In the words of the table: what the same words describe is counted together. */
export function describeFault(fault: Described): string {
  switch (fault.kind) {
    case 'kill':
      return `${fault.part} killed`;
    case 'restart':
      return 'emulator restarted';
    case 'reset':
      return `connections to ${fault.link} reset`;
    case 'cut':
      return `connections to ${fault.link} cut`;
    case 'delay':
      return `connections to ${fault.link} slowed`;
    case 'repeat':
      return `requests to ${fault.link} repeated`;
    case 'provider':
      return `payments ${DESCRIBED[fault.how]} ${fault.takesEffect ? 'after' : 'without'} effect`;
    case 'redrive':
      return 'dead letters redriven';
  }
}

const DESCRIBED = { error: 'answered 500', hang: 'hung', drop: 'dropped' } as const;
