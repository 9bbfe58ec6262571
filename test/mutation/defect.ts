/** A mistake that the tests must notice, as a change to one file. */
export interface Defect {
  /** Short, and no other's: what `--only` takes. */
  readonly id: string;
  /** What is wrong once it is planted. */
  readonly what: string;
  /** The file it is planted in, from the project's folder. */
  readonly file: string;
  /** The text it takes the place of, which has to be there once. */
  readonly find: string;
  readonly replace: string;
  /** What must fail then: the narrowest that there is, so that it takes seconds. */
  readonly caughtBy: Tests;
}

/** Tests of one file. */
export interface Tests {
  /** From the project's folder. */
  readonly file: string;
  /** Their title, or a part of it. */
  readonly title: string;
}

/**
 * The file's text with the defect in it.
 *
 * @throws Error when its place is not there, or not there once: the code has changed, and the defect must follow.
 */
export function plant({ id, file, find, replace }: Defect, source: string): string {
  const count = source.split(find).length - 1;
  if (count !== 1) {
    throw new Error(
      `${id}: expected its text once in ${file}, found it ${count} times; let it follow the code:\n${find}`,
    );
  }
  return source.replace(find, () => replace);
}
