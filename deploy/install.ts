import { execFileSync } from 'node:child_process';

// The packages that the processes need, as the lockfile says, into the folder it is called in. None of them has to run
// a script of its own.

const ARGS = ['ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'];

execFileSync('npm', ARGS, { stdio: 'inherit' });
