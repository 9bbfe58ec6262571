import { readFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import path from 'node:path';

const PACKAGES = ['@aws-sdk/client-sqs', '@temporalio/client', 'sqs-consumer', 'zod'];
const MODULES = path.resolve(import.meta.dirname, '../node_modules');

/** What the figures were measured on. */
export interface Environment {
  readonly cpus: number;
  readonly cpuModel: string;
  readonly memoryGigabytes: number;
  readonly platform: string;
  readonly node: string;
  readonly temporalServer: string;
  readonly packages: Readonly<Record<string, string>>;
}

export async function describeEnvironment(temporalServer: string): Promise<Environment> {
  const all = cpus();
  const packages = await Promise.all(
    PACKAGES.map(async (name) => {
      const text = await readFile(path.join(MODULES, name, 'package.json'), 'utf8');
      return [name, (JSON.parse(text) as { version: string }).version] as const;
    }),
  );
  return {
    cpus: all.length,
    cpuModel: all[0]?.model ?? 'unknown',
    memoryGigabytes: Math.round(totalmem() / 1e9),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
    temporalServer,
    packages: Object.fromEntries(packages),
  };
}
