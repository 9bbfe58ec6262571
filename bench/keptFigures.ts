import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Environment } from './environment.ts';
import type { Curve } from './growthFigures.ts';
import type { PartFigures } from './summary.ts';

/** Figures as they stand beside the guide, with what they were measured on. */
export interface Kept<Figures> {
  /** The day, as `YYYY-MM-DD`. */
  readonly measuredOn: string;
  readonly environment: Environment;
  readonly figures: Figures;
}

/** What is kept, by the file's name. */
export interface KeptFigures {
  readonly together: PartFigures;
  readonly growth: readonly Curve[];
}

/** More of a value would be noise. */
const DIGITS = 4;

/** Where the guide to performance has its figures and charts. */
export const FIGURES_FOLDER = path.resolve(import.meta.dirname, '../docs/performance');

export async function keepFigures<Name extends keyof KeptFigures>(
  folder: string,
  name: Name,
  kept: Kept<KeptFigures[Name]>,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(fileOf(folder, name), `${JSON.stringify(kept, rounded, 2)}\n`);
}

export async function readFigures<Name extends keyof KeptFigures>(
  folder: string,
  name: Name,
): Promise<Kept<KeptFigures[Name]>> {
  return JSON.parse(await readFile(fileOf(folder, name), 'utf8')) as Kept<KeptFigures[Name]>;
}

function fileOf(folder: string, name: keyof KeptFigures): string {
  return path.join(folder, `${name}.json`);
}

function rounded(_key: string, value: unknown): unknown {
  if (typeof value !== 'number' || Number.isInteger(value)) return value;
  return Number(value.toPrecision(DIGITS));
}
