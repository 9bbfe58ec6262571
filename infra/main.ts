// The entry for CDK (`cdk.json`): `npx cdk deploy --all`, with another file of settings by `-c settings=FILE`.
import { App } from 'aws-cdk-lib';
import { createApp } from './app.ts';
import { readSettings } from './settings.ts';

const file: unknown = new App().node.tryGetContext('settings');
createApp(readSettings(file === undefined ? undefined : String(file))).synth();
