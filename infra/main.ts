// The entry for CDK (`cdk.json`): `npx cdk deploy --all`, with another file of settings by `-c settings=FILE`.
import { App } from 'aws-cdk-lib';
import { UserError } from '../src/platform/errors.ts';
import { createApp } from './app.ts';
import { readSettings } from './settings.ts';

try {
  const file: unknown = new App().node.tryGetContext('settings');
  createApp(readSettings(file === undefined ? undefined : String(file))).synth();
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(`${error.message}\n${error.hint}`);
  process.exitCode = 2;
}
