/** What a child says to its parent. */
export type ChildMessage<Result> =
  | { readonly kind: 'ready' }
  | { readonly kind: 'progress'; readonly done: number }
  | { readonly kind: 'result'; readonly result: Result }
  | { readonly kind: 'error'; readonly error: string };

/** What a parent says to its child: what to do, to a drain to take ten more, and to others that it is enough. */
export type ParentMessage<Job> =
  | { readonly kind: 'job'; readonly job: Job }
  | { readonly kind: Word };

/** What a parent says while its child is at work. */
export type Word = 'take-ten' | 'finish';

/** How a child tells its parent of what it is at. */
export interface Parent {
  readonly ready: () => void;
  readonly progress: (done: number) => void;
}

/** Makes this process a child that does one job, answers and ends. It ends with its parent, too. */
export function serveJob<Job, Result>(
  work: (job: Job, parent: Parent) => Promise<Result>,
  onWord: (word: Word) => void = () => undefined,
): void {
  const tell = (message: ChildMessage<Result>, then?: () => void) =>
    process.send?.(message, undefined, {}, then);
  const end = () => process.disconnect();
  process.on('disconnect', () => process.exit());
  process.on('message', (message: ParentMessage<Job>) => {
    if (message.kind !== 'job') return onWord(message.kind);
    const parent: Parent = {
      ready: () => tell({ kind: 'ready' }),
      progress: (done) => tell({ kind: 'progress', done }),
    };
    work(message.job, parent).then(
      (result) => tell({ kind: 'result', result }, end),
      (error: unknown) =>
        tell(
          { kind: 'error', error: error instanceof Error ? `${error.stack}` : String(error) },
          end,
        ),
    );
  });
}
