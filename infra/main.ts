// The entry for CDK (`cdk.json`): `npx cdk deploy --all`. The settings are in a file, which `-c settings=FILE` names, or
// are themselves what the context holds under `settings`.
import { App } from 'aws-cdk-lib';
import { UserError } from '../src/platform/errors.ts';
import { createApp } from './app.ts';
import { parseSettings, readSettings } from './settings.ts';

try {
  const given: unknown = new App().node.tryGetContext('settings');
  const settings =
    given === undefined || typeof given === 'string'
      ? readSettings(given)
      : parseSettings(given, "settings in CDK's context");
  createApp(settings).synth();
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(`${error.message}\n${error.hint}`);
  process.exitCode = 2;
}
