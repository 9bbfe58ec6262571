import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';

// Writes down which packages are inside, each with its licence and hash (CycloneDX, JSON), as they are installed in the
// folder it is called in. Asks no registry.

// npm misses the development packages if it is told of them, and told to omit them it omits most of the others too: a
// release knows nothing of them.
const { devDependencies: _, ...manifest } = JSON.parse(await readFile('package.json', 'utf8'));
await writeFile('package.json', `${JSON.stringify(manifest, null, 2)}\n`);

const args = ['sbom', '--sbom-format', 'cyclonedx'];
const sbom = JSON.parse(execFileSync('npm', args, { encoding: 'utf8', maxBuffer: 1e8 }));
// npm says the folder's name.
sbom.metadata.component.name = manifest.name;
await writeFile('sbom.cdx.json', JSON.stringify(sbom, null, 2));
