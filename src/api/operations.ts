import { z } from 'zod';
import { type ProblemCode, PROBLEMS } from './problems.ts';

/** The body of every answer that is not a success: RFC 9457. */
const ProblemBody = z
  .object({
    type: z.string().meta({ description: 'urn:waybill:problem:{code}' }),
    title: z.string(),
    status: z.int().min(400).max(599),
    detail: z.string(),
    errors: z.array(z.object({ field: z.string(), detail: z.string() })).optional(),
    wonBy: z
      .object({ what: z.string(), by: z.string().nullable(), at: z.iso.datetime() })
      .optional()
      .meta({ description: 'Who was first, where the request lost a race' }),
  })
  .meta({ id: 'Problem' });

/** What every operation may answer. */
const OF_PUBLIC: readonly ProblemCode[] = [
  'invalid-request',
  'too-many-requests',
  'internal-error',
];

/** What every operation may answer that is not public. */
const OF_ALL: readonly ProblemCode[] = [
  ...OF_PUBLIC,
  'unauthenticated',
  'forbidden',
  'not-answered',
  'not-ready',
];

/** One entry of an operation's `response`. */
interface ProblemAnswer {
  readonly description: string;
  readonly content: {
    readonly 'application/problem+json': { readonly schema: typeof ProblemBody };
  };
}

/** The `response` entries of an operation for these problems, and for those that all operations have. */
export function problems(...codes: readonly ProblemCode[]): Record<number, ProblemAnswer> {
  return answers([...OF_ALL, ...codes]);
}

/** The same for an operation that is public: it asks nobody who they are. */
export function publicProblems(...codes: readonly ProblemCode[]): Record<number, ProblemAnswer> {
  return answers([...OF_PUBLIC, ...codes]);
}

function answers(codes: readonly ProblemCode[]): Record<number, ProblemAnswer> {
  const statuses = Map.groupBy(new Set(codes), (code) => PROBLEMS[code].status);
  return Object.fromEntries(
    [...statuses].map(([status, some]) => [
      status,
      {
        description: some.map((code) => `\`${code}\`: ${PROBLEMS[code].title}`).join('; '),
        content: { 'application/problem+json': { schema: ProblemBody } },
      },
    ]),
  );
}
