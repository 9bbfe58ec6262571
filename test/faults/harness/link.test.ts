import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { Agent, createServer, request as ask, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { openLink, type Link } from './link.ts';

describe('a link that can fail', () => {
  let server: Server;
  let link: Link;
  let agent: Agent;
  const asked: string[] = [];

  before(async () => {
    server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => (body += text));
      request.on('end', () => {
        asked.push(body);
        response.end(`${body}!`);
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    link = await openLink({ target: port, random: () => 0 });
    agent = new Agent({ keepAlive: true });
  });
  afterEach(() => {
    link.mend();
    asked.splice(0);
  });
  after(async () => {
    agent.destroy();
    await link.close();
    server.closeAllConnections();
    server.close();
  });

  async function post(body: string, headers: Record<string, string> = {}): Promise<string> {
    const { port } = link;
    const request = ask({ agent, port, method: 'POST', headers }).end(body);
    const [response] = (await once(request, 'response')) as [AsyncIterable<Buffer>];
    let text = '';
    for await (const piece of response) text += piece.toString();
    return text;
  }

  async function untilAsked(count: number): Promise<void> {
    while (asked.length < count) await delay(1);
  }

  it('carries what is asked and answered, also what is large', async () => {
    assert.equal(await post('a'), 'a!');
    const large = 'x'.repeat(3_000_000);
    assert.equal((await post(large)).length, 3_000_001);
    assert.equal(asked.length, 2);
  });

  it('refuses every connection while it is cut, and none afterwards', async () => {
    await post('a');
    assert.equal(link.cut(), 1);
    await assert.rejects(post('b'), { code: 'ECONNRESET' });
    await assert.rejects(post('c'), { code: 'ECONNRESET' });
    link.mend();
    assert.equal(await post('d'), 'd!');
    assert.deepEqual(asked, ['a', 'd']);
  });

  it('takes its time in both directions', async () => {
    link.delay(100);
    const began = performance.now();
    await post('a');
    assert.ok(performance.now() - began >= 190);
  });

  it('brings a request twice, byte for byte, and answers it once', async () => {
    link.repeat();
    const before = link.repeated;
    assert.equal(await post('a'), 'a!');
    await untilAsked(2);
    assert.equal(await post('b'), 'b!');
    await untilAsked(4);
    assert.deepEqual(asked, ['a', 'a', 'b', 'b']);
    assert.equal(link.repeated - before, 2);
  });

  it('never repeats a poll of a queue', async () => {
    link.repeat();
    await post('poll', { 'X-Amz-Target': 'AmazonSQS.ReceiveMessage' });
    await post('send', { 'X-Amz-Target': 'AmazonSQS.SendMessage' });
    await untilAsked(3);
    assert.deepEqual(asked, ['poll', 'send', 'send']);
  });

  it('breaks with its server', async () => {
    const closed = await openLink({ target: 1, random: () => 0 });
    const request = ask({ port: closed.port }).end();
    const [error] = (await once(request, 'error')) as [NodeJS.ErrnoException];
    assert.equal(error.code, 'ECONNRESET');
    await closed.close();
  });

  it('lets its process end, though connections broke that were being closed', async () => {
    const program = `
      import { once } from 'node:events';
      import { connect, createServer } from 'node:net';
      import { setImmediate as turn } from 'node:timers/promises';
      import { openLink } from '${new URL('link.ts', import.meta.url).href}';
      const server = createServer({ allowHalfOpen: true }, (socket) => {
        socket.on('error', () => undefined).resume().write('x'.repeat(1_000_000));
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const link = await openLink({ target: server.address().port, random: () => 0 });
      for (let round = 0; round < 20; round += 1) {
        const caller = connect({ port: link.port, host: '127.0.0.1' }).on('error', () => undefined);
        caller.write('x');
        await once(server, 'connection');
        // It ends, and before that has gone through it breaks: it has not read what came.
        caller.end();
        for (let turns = round % 5; turns > 0; turns -= 1) await turn();
        caller.destroy();
      }
      await link.close();
      server.close();`;
    const args = ['--input-type=module', '--eval', program];
    await promisify(execFile)(process.execPath, args, { timeout: 20_000, killSignal: 'SIGKILL' });
  });
});
