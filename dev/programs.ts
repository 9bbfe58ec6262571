import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';
import type { Environment } from '../src/platform/config.ts';

/** The program's file, by the PATH of `env`; undefined where there is none. */
export function findOnPath(name: string, env: Environment): string | undefined {
  return (env['PATH'] ?? '')
    .split(path.delimiter)
    .filter((folder) => path.isAbsolute(folder))
    .map((folder) => path.join(folder, name))
    .find(isProgram);
}

export function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** Whether a version such as `1.9` is this one or a later. */
export function atLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [ownMajor = -1, ownMinor = -1] = version.split('.').map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}
