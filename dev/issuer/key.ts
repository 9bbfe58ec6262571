import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
  type CryptoKey,
  type JWK,
} from 'jose';

export const ALGORITHM = 'ES256';

/** The key pair by which tokens are signed. */
export interface SigningKey {
  readonly id: string;
  readonly privateKey: CryptoKey;
  /** What everybody may know of it. */
  readonly publicKey: JWK;
}

/** Reads the key from its file, or makes one and keeps it there: tokens outlive a restart. */
export async function openKey(file: string): Promise<SigningKey> {
  if (!existsSync(file)) await makeKey(file);
  const stored = JSON.parse(readFileSync(file, 'utf8')) as JWK;
  const { d: _, ...publicKey } = stored;
  const id = await calculateJwkThumbprint(publicKey);
  return {
    id,
    privateKey: (await importJWK(stored, ALGORITHM)) as CryptoKey,
    publicKey: { ...publicKey, kid: id, alg: ALGORITHM, use: 'sig' },
  };
}

async function makeKey(file: string): Promise<void> {
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true });
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify(await exportJWK(privateKey)), { mode: 0o600 });
}
