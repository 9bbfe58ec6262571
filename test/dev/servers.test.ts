import assert from 'node:assert/strict';
import { Connection } from '@temporalio/client';
import { awaitEmulator } from '../../dev/emulator.ts';
import { freePort } from '../../dev/ports.ts';
import { awaitTemporal, NAMESPACE } from '../../dev/temporal.ts';
import { SEARCH_ATTRIBUTES } from '../../src/contracts/searchAttributes.ts';
import type { UserError } from '../../src/platform/errors.ts';
import { awsEndpoint, temporalAddress } from '../support/servers.ts';

describe('a running Temporal service', () => {
  it('gets the search attributes of the workflows, and may have them already', async () => {
    await awaitTemporal(temporalAddress());
    const connection = await Connection.connect({ address: temporalAddress() });
    const { customAttributes } = await connection.operatorService.listSearchAttributes({
      namespace: NAMESPACE,
    });
    await connection.close();
    for (const name of SEARCH_ATTRIBUTES) assert.ok(customAttributes[name], name);
  });

  it('that is not there is named, with what to do', async () => {
    const address = `127.0.0.1:${await freePort()}`;
    await assert.rejects(awaitTemporal(address, 0), (error: UserError) => {
      assert.ok(error.message.startsWith(`Temporal cannot be reached at ${address}: `));
      assert.match(error.hint, /unset TEMPORAL_ADDRESS/);
      return true;
    });
  });
});

describe('a running AWS emulator', () => {
  it('is waited for', () => awaitEmulator(awsEndpoint()));

  it('that is not there is named, with what to do', async () => {
    const endpoint = `http://127.0.0.1:${await freePort()}`;
    await assert.rejects(awaitEmulator(endpoint, 0), (error: UserError) => {
      assert.ok(error.message.startsWith(`AWS cannot be reached at ${endpoint}: `));
      assert.match(error.hint, /unset AWS_ENDPOINT_URL/);
      return true;
    });
  });
});
