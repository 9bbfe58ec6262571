import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Explainable } from '../console/explain.ts';
import { UserError } from '../platform/errors.ts';

/** What an event without an ID of its own is known by: SQS would give the message one. */
const MESSAGE_ID = '(message-id)';

/**
 * Reads event bodies from a file, or from the files of a folder (`*.json`, `*.jsonl`). A file holds one body, an
 * array of bodies (which the bridge takes as one message of several records), or one body a line.
 *
 * @throws UserError when there is no such file, or no file in the folder.
 */
export async function readEvents(path: string): Promise<readonly Explainable[]> {
  const files = await findFiles(path);
  const messages = await Promise.all(files.map(readFileOf));
  return messages.flat();
}

async function findFiles(path: string): Promise<readonly string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const names = (await readdir(path)).filter((name) => /\.jsonl?$/.test(name)).toSorted();
    if (names.length === 0) throw new UserError(`there are no events in ${path}`, HINT);
    return names.map((name) => join(path, name));
  } catch (error) {
    throw explain(error, path);
  }
}

const HINT = 'explain takes a file, a folder with *.json or *.jsonl, or the URL of a queue';

async function readFileOf(file: string): Promise<readonly Explainable[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw explain(error, file);
  }
  // The texts as they are: what is parsed and written again may have lost what the bridge would refuse.
  const lines = text
    .split('\n')
    .map((line, index) => ({ from: `${file}:${index + 1}`, body: line.trim() }))
    .filter(({ body }) => body !== '');
  const bodies =
    isJson(text) || !lines.some(({ body }) => isJson(body)) ? [{ from: file, body: text }] : lines;
  return bodies.map(({ from, body }) => ({
    from,
    body,
    messageId: MESSAGE_ID,
    parkedBefore: null,
  }));
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function explain(error: unknown, path: string): unknown {
  const { code, path: failing } = error as NodeJS.ErrnoException;
  if (code === undefined || failing === undefined) return error;
  return new UserError(`${path} cannot be read: ${code}`, HINT, { cause: error });
}
