import { fork } from 'node:child_process';
import path from 'node:path';
import type { ChildMessage, ParentMessage, Word } from './child.ts';

export interface Child<Result> {
  /** When it is about its work. */
  readonly ready: Promise<void>;
  readonly result: Promise<Result>;
  /** What it last told of. */
  readonly progress: number;
  tell(word: Word): void;
}

export interface ChildOptions {
  /** For `node`. */
  readonly execArgv?: readonly string[];
}

/** A run that takes longer than this many milliseconds hangs: it is killed. */
const LONGEST_RUN = 1_200_000;

/** Runs a file of this folder as a process of its own, and hands it its job. What it prints goes to standard error. */
export function startChild<Job, Result>(
  file: string,
  job: Job,
  { execArgv = [] }: ChildOptions = {},
): Child<Result> {
  const ready = Promise.withResolvers<void>();
  const result = Promise.withResolvers<Result>();
  let progress = 0;
  const child = fork(path.join(import.meta.dirname, file), [], {
    execArgv: [...execArgv],
    stdio: ['ignore', 2, 2, 'ipc'],
  });
  const send = (message: ParentMessage<Job>) => child.send(message);
  const limit = setTimeout(() => {
    fail(`${file}: not done within ${LONGEST_RUN / 1_000} s`);
    child.kill('SIGKILL');
  }, LONGEST_RUN);

  function fail(reason: string): void {
    const error = new Error(reason);
    ready.reject(error);
    result.reject(error);
  }
  // Whoever waits for one of them, or later, still learns of it.
  for (const { promise } of [ready, result]) promise.catch(() => undefined);

  let answer: { readonly result: Result } | undefined;
  child.on('message', (message: ChildMessage<Result>) => {
    switch (message.kind) {
      case 'ready':
        return ready.resolve();
      case 'progress':
        progress = message.done;
        return;
      case 'result':
        answer = message;
        return;
      case 'error':
        return fail(`${file}: ${message.error}`);
    }
  });
  child.once('error', ({ message }) => fail(`${file}: ${message}`));
  // Once it has ended, nothing of it disturbs the next run.
  child.once('close', (code, signal) => {
    clearTimeout(limit);
    if (answer) result.resolve(answer.result);
    else fail(`${file}: ended by ${signal ?? `exit code ${code}`} without an answer`);
  });
  send({ kind: 'job', job });

  return {
    ready: ready.promise,
    result: result.promise,
    get progress() {
      return progress;
    },
    tell: (kind) => void send({ kind }),
  };
}
