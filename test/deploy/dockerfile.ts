import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from '../cli/waybill.ts';

/** One instruction: `RUN`, and what follows it. */
export interface Instruction {
  readonly name: string;
  readonly text: string;
}

/** The Dockerfile's stages, each from its FROM line on, without comments. */
export function readDockerfile(): readonly (readonly Instruction[])[] {
  const lines = readFileSync(join(PROJECT, 'Dockerfile'), 'utf8')
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line !== '');
  const stages: Instruction[][] = [];
  for (const line of lines) {
    const [, name = '', text = ''] = /^(\w+) (.*)$/.exec(line) ?? [];
    if (name === 'FROM') stages.push([]);
    stages.at(-1)?.push({ name, text });
  }
  return stages;
}

/** What follows the only instruction of this name. */
export function only(stage: readonly Instruction[], name: string): string {
  const [found, ...others] = stage.filter((each) => each.name === name);
  if (!found || others.length > 0) throw new Error(`expected one ${name}`);
  return found.text;
}

/** A command in exec form. @throws Error for a shell's. */
export function execForm(text: string): readonly string[] {
  return JSON.parse(text) as readonly string[];
}
