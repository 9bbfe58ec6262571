/** How far a long work is, for whoever watches it. */
export interface Progress {
  set(done: number): void;
  stop(): void;
}

export interface ProgressOptions {
  readonly label: string;
  /** About how many there are to do. */
  readonly total: number;
  /** Whether nobody watches: a program reads what is printed. */
  readonly silent: boolean;
}

/** Shows a bar on stderr, where that is a terminal; else nothing. */
export async function startProgress({ label, total, silent }: ProgressOptions): Promise<Progress> {
  if (silent || !process.stderr.isTTY) return { set() {}, stop() {} };
  const { SingleBar } = await import('cli-progress');
  const bar = new SingleBar({
    format: `${label} {bar} {value}/{total} | {duration_formatted}`,
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
  });
  bar.start(total, 0);
  return {
    set(done) {
      // The total is approximate, and messages may come meanwhile.
      if (done > bar.getTotal()) bar.setTotal(done);
      bar.update(done);
    },
    stop() {
      bar.stop();
    },
  };
}
