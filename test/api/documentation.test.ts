import assert from 'node:assert/strict';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { SCOPES } from '../../src/api/caller.ts';
import { PROBLEMS } from '../../src/api/problems.ts';
import { createProbe } from '../support/probe.ts';

interface Media {
  readonly schema?: unknown;
}

interface Answer {
  readonly description: string;
  readonly headers?: Readonly<Record<string, Media>>;
  readonly content?: Readonly<Record<string, Media>>;
}

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters?: readonly {
    readonly in: string;
    readonly name: string;
    readonly required?: boolean;
    readonly schema: unknown;
  }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<Record<string, Answer>>;
}

interface Document {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly servers: readonly { readonly url: string }[];
  readonly tags: readonly { readonly name: string }[];
  readonly components: {
    readonly securitySchemes: Readonly<Record<string, { readonly scheme: string }>>;
    readonly schemas: Readonly<Record<string, unknown>>;
  };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

const STATUSES = new Set(Object.values(PROBLEMS).map(({ status }) => String(status)));

describe('the documentation', () => {
  let app: FastifyInstance;
  let document: Document;
  let operations: readonly (Operation & { readonly name: string; readonly path: string })[];

  before(async () => {
    app = await createProbe({ docs: true });
    await app.ready();
    document = app.swagger() as unknown as Document;
    operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({
        ...operation,
        path,
        name: `${method} ${path}`,
      })),
    );
  });

  after(async () => {
    await app.close();
  });

  const find = (name: string) =>
    operations.find((operation) => operation.name === name) ?? assert.fail(`${name} is not there`);

  it('is OpenAPI 3.1 of the API at hand', () => {
    assert.equal(document.openapi, '3.1.0');
    assert.deepEqual(document.servers, [{ url: '/' }]);
    assert.ok(document.info.title && document.info.version);
    assert.equal(document.components.securitySchemes['bearer']?.scheme, 'bearer');
  });

  it('names every operation once, with what it is for', () => {
    assert.ok(operations.length >= 10, operations.map(({ name }) => name).join(', '));
    const ids = operations.map(({ operationId }) => operationId);
    assert.equal(new Set(ids).size, ids.length);
    const tags = document.tags.map(({ name }) => name);
    for (const { name, operationId, summary, tags: [tag, ...others] = [] } of operations) {
      assert.match(operationId ?? '', /^[a-z][A-Za-z]+$/, name);
      assert.ok(summary, name);
      assert.ok(tags.includes(tag ?? ''), `${name}: ${tag}`);
      assert.deepEqual(others, [], name);
    }
    assert.deepEqual(
      tags.filter((tag) => !operations.some((operation) => operation.tags[0] === tag)),
      [],
    );
  });

  it('names the parts of each path, and every schema it points at', () => {
    for (const { name, path, parameters = [] } of operations) {
      const parts = [...path.matchAll(/\{(\w+)\}/g)].map(([, part]) => part);
      const named = parameters.filter((parameter) => parameter.in === 'path');
      assert.deepEqual(
        named.map((parameter) => [parameter.name, parameter.required]),
        parts.map((part) => [part, true]),
        name,
      );
    }
    const text = JSON.stringify(document);
    const pointed = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, name = '']) => name);
    assert.deepEqual(
      [...new Set(pointed)].toSorted((one, other) => one.localeCompare(other)),
      Object.keys(document.components.schemas)
        .map((name) => `#/components/schemas/${name}`)
        .toSorted((one, other) => one.localeCompare(other)),
    );
  });

  it('has schemas that can be read, and no empty ones', () => {
    const $defs = document.components.schemas;
    const read = (schema: unknown, where: string) => {
      assert.ok(Object.keys(schema as object).length > 0, `${where} allows anything`);
      const text = JSON.stringify({ ...(schema as object), $defs });
      const local = JSON.parse(
        text.replaceAll('#/components/schemas/', '#/$defs/'),
        // Valid as they are, but zod does not read them.
        (key, value: unknown) => (/^(not|dependentRequired)$/.test(key) ? undefined : value),
      );
      assert.doesNotThrow(() => z.fromJSONSchema(local), where);
    };
    for (const { name, parameters = [], requestBody, responses } of operations) {
      for (const { name: parameter, schema } of parameters) read(schema, `${name} ${parameter}`);
      for (const { schema } of Object.values(requestBody?.content ?? {})) read(schema, name);
      for (const [status, { description, content = {} }] of Object.entries(responses)) {
        assert.ok(description, `${name} ${status}`);
        for (const [type, { schema }] of Object.entries(content)) {
          // It would be read as the schema of the stream's events.
          if (type === 'text/event-stream') assert.equal(schema, undefined, name);
          else read(schema, `${name} ${status}`);
        }
      }
    }
  });

  it('has patterns that every language reads', () => {
    const patterns: string[] = [];
    JSON.stringify(document, (key, value: unknown) => {
      if (key === 'pattern' && typeof value === 'string') patterns.push(value);
      return value;
    });
    assert.ok(patterns.length > 5);
    for (const pattern of patterns) {
      assert.doesNotMatch(pattern, /\\p\{/i);
      assert.doesNotThrow(() => new RegExp(pattern, 'u'));
    }
  });

  it('says of each operation who may ask: with which scope, or anybody', () => {
    for (const { name, security } of operations) {
      const [requirement, ...others] = security;
      assert.deepEqual(others, [], name);
      if (requirement === undefined) continue;
      const [scheme, scopes] = Object.entries(requirement)[0] ?? [];
      assert.equal(scheme, 'bearer');
      assert.equal(scopes?.length, 1, name);
      assert.ok((SCOPES as readonly string[]).includes(scopes?.[0] ?? ''), name);
    }
    assert.deepEqual(find('get /orders/{id}').security, [{ bearer: ['orders:read'] }]);
    assert.deepEqual(find('get /healthz').security, []);
    assert.deepEqual(find('get /readyz').security, []);
    const asked = new Set(operations.flatMap(({ security }) => security[0]?.['bearer'] ?? []));
    assert.deepEqual([...asked].toSorted(), SCOPES.toSorted());
  });

  it('says of each operation how it fails: as problems of the registry, and never else', () => {
    for (const { name, responses, requestBody, security } of operations) {
      const failures = Object.entries(responses).filter(([status]) => !status.startsWith('2'));
      for (const [status, { content }] of failures) {
        assert.ok(STATUSES.has(status), `${name} ${status}`);
        assert.deepEqual(
          content,
          { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
          `${name} ${status}`,
        );
      }
      assert.ok(Object.keys(responses).length > failures.length, `${name} never succeeds`);
      const statuses = failures.map(([status]) => status);
      const expected = [
        '400',
        '429',
        '500',
        ...(requestBody ? ['413', '415'] : []),
        ...(security.length > 0 ? ['401', '403', '503'] : []),
      ];
      const missing = expected.filter((status) => !statuses.includes(status));
      assert.deepEqual(missing, [], name);
      assert.ok(responses['429']?.headers?.['Retry-After'], name);
    }
  });

  it('names the headers that are more than a matter of HTTP', () => {
    const headersOf = (name: string) =>
      (find(name).parameters ?? [])
        .filter((parameter) => parameter.in === 'header')
        .map((parameter) => [parameter.name, parameter.required ?? false]);
    assert.deepEqual(headersOf('post /orders'), [
      ['idempotency-key', true],
      ['prefer', false],
    ]);
    assert.deepEqual(headersOf('get /orders/{id}/events'), [['last-event-id', false]]);
  });

  it('is read at /docs, by anybody, where that is open', async () => {
    const page = await app.inject('/docs');
    assert.equal(page.statusCode, 200);
    assert.match(page.body, /swagger-ui/);
    // What the page needs beyond an answer's policy, and nothing from elsewhere.
    const policy = String(page.headers['content-security-policy']);
    assert.match(policy, /script-src 'self';/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /https?:|unsafe-eval|script-src[^;]*unsafe/);
    const scripts = [...page.body.matchAll(/<script src="([^"]+)"/g)].map(([, url = '']) => url);
    assert.equal(scripts.length, 3);
    for (const script of scripts) {
      assert.equal((await app.inject(script)).statusCode, 200, script);
    }
    assert.doesNotMatch(page.body, /<script[^>]*>\s*[^\s<]/);
    assert.deepEqual((await app.inject('/docs/json')).json(), document);
    for (const path of ['/docs/../package.json', '/docs/static/..%2fpackage.json', '/docs/none']) {
      assert.equal((await app.inject(path)).statusCode, 404, path);
    }
  });

  it('is not there unless it is open, and is not open to a flood', async () => {
    const closed = await createProbe();
    for (const path of ['/docs', '/docs/', '/docs/json', '/docs/static/swagger-ui.css']) {
      assert.equal((await closed.inject(path)).statusCode, 404);
    }
    await closed.close();
    const busy = await createProbe({
      docs: true,
      protection: { origins: [], requestsPerMinute: 2 },
    });
    const statuses = [];
    for (const path of ['/docs', '/docs/json', '/docs/static/swagger-ui.css']) {
      statuses.push((await busy.inject(path)).statusCode);
    }
    await busy.close();
    assert.deepEqual(statuses, [200, 200, 429]);
  });
});
