import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { contentHash } from '../bridges/contentHash.ts';
import { createReader } from '../bridges/reader.ts';
import type { Route } from '../bridges/route.ts';
import type { ExplainOptions } from '../console/explain.ts';
import { UserError } from '../platform/errors.ts';

/** Answers the routes of the program itself. */
export type LoadRoutes = () => Promise<readonly Route[]>;

/**
 * How events are read, by the routes of a module, else by the program's own.
 *
 * @param module - the path of a module whose default export, or export `routes`, is the table of routes.
 * @throws UserError when there are no routes.
 */
export async function loadReading(
  module: string | undefined,
  own: LoadRoutes | undefined,
): Promise<Pick<ExplainOptions, 'read' | 'contentHash'>> {
  const routes = module === undefined ? await own?.() : await importRoutes(module);
  if (!routes) throw new UserError('no routes are given', HINT);
  try {
    return { read: createReader(routes), contentHash };
  } catch (cause) {
    throw new UserError((cause as Error).message, HINT, { cause });
  }
}

const HINT =
  '--routes takes the path of a module whose default export, or export `routes`, is an array of routes';

async function importRoutes(module: string): Promise<readonly Route[]> {
  let found: { readonly default?: unknown; readonly routes?: unknown };
  try {
    found = (await import(pathToFileURL(resolve(module)).href)) as typeof found;
  } catch (cause) {
    throw new UserError(`${module} cannot be loaded: ${(cause as Error).message}`, HINT, { cause });
  }
  const routes = found.default ?? found.routes;
  if (!Array.isArray(routes)) throw new UserError(`${module} exports no routes`, HINT);
  return routes as readonly Route[];
}
