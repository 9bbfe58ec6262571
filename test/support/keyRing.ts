import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Payload, PayloadCodec } from '@temporalio/common';
import proto from '@temporalio/proto';

const { Payload: Message } = proto.temporal.api.common.v1;
const ENCODING = Buffer.from('binary/encrypted');
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** Encrypts with the key that was added last, and decrypts with whichever of its keys it was: as a team's codec would. */
export class KeyRing implements PayloadCodec {
  readonly #keys = new Map<string, Buffer>();
  #current = '';

  /** @param key - of 32 bytes. */
  add(name: string, key: Buffer): void {
    this.#keys.set(name, key);
    this.#current = name;
  }

  encode(payloads: Payload[]): Promise<Payload[]> {
    return Promise.resolve(payloads.map((payload) => this.#encrypt(payload)));
  }

  // Throws within a promise, as one that asks a key service would.
  async decode(payloads: Payload[]): Promise<Payload[]> {
    return payloads.map((payload) => this.#decrypt(payload));
  }

  #encrypt(payload: Payload): Payload {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#key(this.#current), iv);
    const plain = Message.encode(payload).finish();
    const data = Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    return { metadata: { encoding: ENCODING, key: Buffer.from(this.#current) }, data };
  }

  #decrypt(payload: Payload): Payload {
    const { metadata, data } = payload;
    if (!data || !metadata?.['encoding'] || !ENCODING.equals(metadata['encoding'])) return payload;
    const key = this.#key(Buffer.from(metadata['key'] ?? []).toString());
    const decipher = createDecipheriv('aes-256-gcm', key, data.subarray(0, IV_BYTES));
    decipher.setAuthTag(data.subarray(-TAG_BYTES));
    const encrypted = data.subarray(IV_BYTES, -TAG_BYTES);
    return Message.decode(Buffer.concat([decipher.update(encrypted), decipher.final()]));
  }

  #key(name: string): Buffer {
    const key = this.#keys.get(name);
    if (!key) throw new Error(`there is no key ${name}`);
    return key;
  }
}
