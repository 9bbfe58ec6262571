import { describeConfig } from '../platform/config.ts';

/** Prints every variable in force and where its value is from; exit 1 if one is wrong. */
export function runConfig(): void {
  for (const { variable, text, from, problem } of describeConfig()) {
    console.log(`${variable}=${text ?? ''}  (${from})${problem ? `  ${problem}` : ''}`);
    if (problem) process.exitCode = 1;
  }
}
