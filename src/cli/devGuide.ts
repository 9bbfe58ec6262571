import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fetchToken } from '../../dev/issuer/tokens.ts';
import type { Stack } from '../../dev/stack.ts';

/** Where everything of a running stack is, and how to speak to it; what tools need of it is left in a file. */
export async function describeStack(stack: Stack, stateDir: string): Promise<string> {
  const { urls, outputs } = stack;
  await keepEnvironment(stack, resolve(stateDir, 'stack.env'));
  return [
    ...(urls.temporalUi === null ? [] : [`  Temporal's Web UI   ${urls.temporalUi}`]),
    `  orders API          ${urls.api}/docs`,
    `  AWS emulator        ${urls.aws} (event bus ${outputs.EventBusName})`,
    `  payment provider    ${urls.provider}/ledger`,
    `  issuer of tokens    ${urls.issuer}/.well-known/openid-configuration`,
    `  metrics             ${urls.metrics} (Prometheus text)`,
    `  logs and state      ${stateDir}`,
    '  in a terminal       npm run waybill:local -- orders list',
    '',
    ...(await describeTokens(stack)),
    '',
  ].join('\n');
}

/** One token for each role, as those whom the sample orders are about. */
async function describeTokens({ urls }: Stack): Promise<readonly string[]> {
  const requests = [
    { role: 'customer', customerId: 'demo-customer' },
    { role: 'seller', sellerId: 'demo-shop' },
    { role: 'staff', name: 'demo' },
  ] as const;
  const tokens = await Promise.all(
    requests.map(async (request) => (await fetchToken(urls.issuer, request)).token),
  );
  return [
    '  tokens for the orders API, good for 12 h',
    ...requests.map(({ role }, index) => `    ${role.padEnd(9)} ${tokens[index]}`),
    `    others    curl ${urls.issuer}/token --json '{"role":"customer","customerId":"c-1"}'`,
    '',
    '  an order, as its customer sees it',
    `    curl -H 'Authorization: Bearer ${tokens[0]}' ${urls.api}/orders/demo:paid-and-delivered`,
  ];
}

/** For `node --env-file`: what leads tools to this stack. */
async function keepEnvironment({ env }: Stack, file: string): Promise<void> {
  const lines = Object.entries(env)
    .filter(([name]) => /^(AWS|TEMPORAL|WAYBILL)_/.test(name))
    .map(([name, value]) => `${name}=\`${value}\`\n`);
  await writeFile(file, lines.join(''), { mode: 0o600 });
}
