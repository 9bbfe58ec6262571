import swagger, { type FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { SCOPES } from './caller.ts';
import { publicProblems } from './operations.ts';

const DESCRIPTION = `Places orders, says what becomes of them, and lets those who may decide about them.

Every answer that is not a success is a problem (RFC 9457), \`application/problem+json\`. Its \`type\` is
\`urn:waybill:problem:{code}\`: a code is for programs, and never changes its meaning.

Bodies are refused where they have numbers beyond 2^53 - 1, keys named \`__proto__\`, or values nested deeper than 64,
wherever that is.`;

/** What the tags of the operations stand for, in the order in which they are shown. */
const TAGS = [
  { name: 'orders', description: 'Placing orders, reading them, and deciding about them' },
  { name: 'returns', description: 'Goods that come back' },
  { name: 'ingress', description: 'Events from outside' },
  { name: 'operation', description: 'For those who run the API' },
];

/** Headers of answers, by status, where the answer is a problem. */
const HEADERS: Readonly<Record<string, object>> = {
  401: header(
    'WWW-Authenticate',
    'How to authenticate, and what is wrong with the token (RFC 6750)',
  ),
  403: header('WWW-Authenticate', 'Which scope is missing, where it is one (RFC 6750)'),
  429: header('Retry-After', 'After how many seconds to ask again', 'integer'),
  503: header('Retry-After', 'After how many seconds to ask again', 'integer'),
};

function header(name: string, description: string, type = 'string'): object {
  return { [name]: { description, schema: { type } } };
}

/**
 * Describes all operations that are added after this, as OpenAPI 3.1: `app.swagger()`. Where it is open, anybody
 * reads it at `/docs`, and has it as JSON from `/docs/json`.
 */
export async function addDocumentation(
  app: FastifyInstance,
  { open }: { readonly open: boolean },
): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Waybill orders API', description: DESCRIPTION, version: '1' },
      servers: [{ url: '/' }],
      tags: TAGS,
      components: {
        securitySchemes: {
          bearer: {
            type: 'http',
            scheme: 'bearer',
            bearerFormat: 'JWT',
            description: `An access token of the issuer, with the scope that the operation names: ${SCOPES.map((scope) => `\`${scope}\``).join(', ')}.`,
          },
        },
      },
    },
    transform: describeOperation,
    transformObject: complete,
  });
  if (!open) return;
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: {
      'default-src': "'none'",
      'script-src': "'self'",
      // The page sizes and colours its parts by `style` attributes.
      'style-src': "'self' 'unsafe-inline'",
      'img-src': "'self' data:",
      'connect-src': "'self'",
      'base-uri': "'none'",
      'form-action': "'none'",
      'frame-ancestors': "'none'",
    },
  });
}

type Transform = NonNullable<FastifyDynamicSwaggerOptions['transform']>;
type TransformObject = NonNullable<FastifyDynamicSwaggerOptions['transformObject']>;

/** Says of an operation who may ask, and what may be wrong with a body, besides what its schemas say. */
const describeOperation: Transform = (described) => {
  const given = described.schema;
  const { schema, url } = jsonSchemaTransform({
    ...described,
    schema: given?.body ? { ...given, response: withBodyProblems(given.response) } : given,
  });
  const { access } = described.route.config ?? {};
  const security = access === undefined || access === 'public' ? [] : [{ bearer: [access] }];
  return { schema: { ...schema, response: withoutContent(schema?.response), security }, url };
};

/** Bodies are refused before an operation's own code, so that it need not say how. */
function withBodyProblems(response: unknown): object {
  return { ...publicProblems('too-large', 'unsupported-media-type'), ...(response as object) };
}

/** An answer without a body has no content at all; an empty one is beyond the generator. */
function withoutContent(response: unknown): object {
  const entries = Object.entries((response ?? {}) as Record<string, { content?: object }>);
  return Object.fromEntries(
    entries.map(([status, answer]) =>
      answer.content && Object.keys(answer.content).length === 0
        ? [status, { ...answer, content: undefined, type: 'null' }]
        : [status, answer],
    ),
  );
}

/** Adds what an operation's schemas cannot say, and leaves out what no operation names. */
const complete: TransformObject = (described) => {
  const document = jsonSchemaTransformObject(described) as Described;
  for (const operations of Object.values(document.paths ?? {})) {
    for (const { responses } of Object.values(operations)) {
      for (const [status, response] of Object.entries(responses)) {
        if (status in HEADERS) Object.assign(response, { headers: HEADERS[status] });
        // A schema would be taken for that of the stream's events, which have one for each kind.
        const stream = response.content?.['text/event-stream'];
        if (stream) delete stream.schema;
      }
    }
  }
  const schemas = document.components?.schemas ?? {};
  const named = new Set<string>();
  collectNames(document.paths, schemas, named);
  const kept = Object.fromEntries(Object.entries(schemas).filter(([name]) => named.has(name)));
  const completed = { ...document, components: { ...document.components, schemas: kept } };
  return JSON.parse(JSON.stringify(completed), (key, value: unknown) =>
    key === 'pattern' && typeof value === 'string' ? portable(value) : value,
  ) as object;
};

/**
 * Not every language knows Unicode's classes in a regular expression, and where texts are well-formed by themselves
 * halves of surrogate pairs have no name at all.
 */
function portable(pattern: string): string {
  return pattern
    .replaceAll(String.raw`\P{Cs}`, String.raw`[\s\S]`)
    .replaceAll(String.raw`\p{Cs}`, '')
    .replaceAll(String.raw`\p{Cc}`, String.raw`\u0000-\u001f\u007f-\u009f`);
}

/** As much of an OpenAPI document as is looked at here. */
interface Described {
  readonly paths?: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, unknown>> };
}

interface Operation {
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { schema?: unknown }>> }>
  >;
}

/** Each schema is there twice, as it is for requests and as it is for answers. */
function collectNames(
  part: unknown,
  schemas: Readonly<Record<string, unknown>>,
  names: Set<string>,
): void {
  for (const [, name = ''] of JSON.stringify(part).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
    if (names.has(name)) continue;
    names.add(name);
    collectNames(schemas[name] ?? null, schemas, names);
  }
}
