import { UserError } from '../../src/platform/errors.ts';

/** What the package is entered by, and the sources of it; tsconfig.build.json names the same files. */
export const ENTRIES = {
  './bridge': 'bridges/index',
  './bridge/lambda': 'bridges/lambda',
  './workflow': 'workflows/inbox',
} as const;

export const COMMAND = 'cli/bridgeTools';

/** What a user of the package has already, and hands objects of to the bridge; and whether all of them need it. */
const PEERS: Readonly<Record<string, { readonly optional: boolean }>> = {
  '@aws-sdk/client-sqs': { optional: false },
  '@temporalio/client': { optional: false },
  // Of workers alone, for `waybill/workflow`.
  '@temporalio/workflow': { optional: true },
};

/** What of the whole project's package.json the package takes over. */
export interface RootManifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly engines: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
}

/**
 * The package.json of the package.
 *
 * @param imported - the packages that the built files import.
 * @param folders - those of the built files.
 * @throws UserError when an imported package is not among the root's dependencies.
 */
export function describePackage(
  root: RootManifest,
  imported: ReadonlySet<string>,
  folders: readonly string[],
): object {
  const { name, version, license, engines } = root;
  const rangesOf = (names: readonly string[]) =>
    Object.fromEntries(names.toSorted().map((each) => [each, rangeOf(root, each)]));
  const peers = Object.entries(PEERS);
  return {
    name,
    version,
    description:
      'The bridge between AWS messaging and Temporal: what SQS delivers starts, signals and updates workflows.',
    license,
    type: 'module',
    engines,
    bin: { [name]: `${COMMAND}.js` },
    exports: Object.fromEntries(
      Object.entries(ENTRIES).map(([entry, file]) => [
        entry,
        { types: `./${file}.d.ts`, default: `./${file}.js` },
      ]),
    ),
    files: folders,
    dependencies: rangesOf([...imported].filter((each) => !(each in PEERS))),
    peerDependencies: rangesOf(peers.map(([each]) => each)),
    peerDependenciesMeta: Object.fromEntries(
      peers.flatMap(([each, { optional }]) => (optional ? [[each, { optional }]] : [])),
    ),
  };
}

function rangeOf({ dependencies }: RootManifest, name: string): string {
  const range = dependencies[name];
  if (range !== undefined) return range;
  throw new UserError(
    `the package imports ${name}, which is not among the dependencies of package.json`,
    'add it there, or do not import it from what the package holds',
  );
}
