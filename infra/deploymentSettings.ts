import { z } from 'zod';
import { describeConfig } from '../src/platform/config.ts';

const httpUrl = z.url({ protocol: /^https?$/ }).meta({ description: 'an http(s) URL' });
const count = z.int().min(1).max(1_000).meta({ description: 'a whole number, 1 to 1000' });
const hash = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .meta({ description: 'a SHA-256, 64 hexadecimal digits' });
const email = z.email().meta({ description: 'an e-mail address' });

/** How few and how many of a process there may be. A bridge or a worker is needed for anything to happen at all. */
function scale(least: number, most: number) {
  return z
    .strictObject({ least: count, most: count })
    .refine(({ least: few, most: many }) => few <= many)
    .meta({ description: 'least and most, whole numbers of 1 to 1000, least not above most' })
    .default({ least, most });
}

const platform = {
  architecture: z
    .enum(['x86_64', 'arm64'])
    .meta({ description: 'x86_64 or arm64' })
    .default('x86_64'),
  scale: z
    .strictObject({ worker: scale(2, 10), bridge: scale(2, 10), api: scale(2, 10) })
    .meta({ description: 'worker, bridge and api' })
    .default({
      worker: { least: 2, most: 10 },
      bridge: { least: 2, most: 10 },
      api: { least: 2, most: 10 },
    }),
};

/** ECS without servers, from an image; or EC2 instances, from a packed release. */
const compute = z.discriminatedUnion('on', [
  z.strictObject({
    on: z.literal('fargate'),
    image: z.strictObject({
      /** Of this account's registry, in this region. */
      repository: z
        .string()
        .regex(/^[a-z0-9]+([._/-][a-z0-9]+)*$/)
        .meta({ description: 'the name of an ECR repository' }),
      /** A tag may be moved. */
      digest: z
        .string()
        .regex(/^sha256:[0-9a-f]{64}$/)
        .meta({ description: 'sha256: and 64 hexadecimal digits' }),
    }),
    ...platform,
  }),
  z.strictObject({
    on: z.literal('ec2'),
    /** A gzipped tar of the folder that is the release. */
    release: z.strictObject({
      bucket: z
        .string()
        .regex(/^[a-z0-9][a-z0-9.-]{2,62}$/)
        .meta({ description: 'the name of an S3 bucket' }),
      key: z
        .string()
        .regex(/^[\w./+=-]+$/)
        .meta({ description: 'the key of an S3 object' }),
      sha256: hash,
    }),
    ...platform,
  }),
]);

/** Of worker, bridge and api, those that read it may be told it; what is secret is in Secrets Manager. */
const variables = z
  .record(z.string(), z.string())
  .refine((given) => Object.entries(given).every(([name, text]) => isTellable(name, text)))
  .meta({
    description:
      'WAYBILL_* variables that worker, bridge or api read, each with a text that is valid there, and none of them secret',
  });

function isTellable(variable: string, text: string): boolean {
  const line = describeConfig({ [variable]: text }).find((one) => one.variable === variable);
  // A secret's text is masked.
  return variable.startsWith('WAYBILL_') && line?.problem === null && line.text === text;
}

/** What the processes are told, and where and how many of them run. */
export const DEPLOYMENT_FIELDS = {
  temporal: z.strictObject({
    address: z
      .string()
      .regex(/^[\w.-]+:\d{1,5}$/)
      .meta({ description: 'host:port' }),
    namespace: z.string().min(1).max(255).meta({ description: 'a name of 1 to 255 characters' }),
    /** Which secrets the processes show: an API key, or a certificate and its key. */
    credentials: z.enum(['api-key', 'mtls']).meta({ description: 'api-key or mtls' }),
  }),
  services: z.strictObject({ screeningUrl: httpUrl, carrierUrl: httpUrl, supplierUrl: httpUrl }),
  oidc: z.strictObject({
    issuer: httpUrl,
    audience: z.string().min(1).max(255).meta({ description: 'a name of 1 to 255 characters' }),
    keySetUrl: z.url({ protocol: /^https$/ }).meta({ description: 'an https URL' }),
  }),
  api: z
    .strictObject({
      /** Whose pages may call the API from a browser. */
      origins: z
        .array(z.string().regex(/^https?:\/\/[^/\s]+$/))
        .meta({ description: 'origins such as https://shop.example' })
        .default([]),
    })
    .default({ origins: [] }),
  compute,
  /** What the processes are told beyond what follows from the stacks: time limits, a build ID, topics to listen to. */
  variables: variables.default({}),
  /** Who is written to when an alarm goes off, beside whoever subscribes to the topic. */
  operators: z.array(email).default([]),
};
