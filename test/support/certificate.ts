import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';

export interface Certificate {
  readonly pem: string;
  readonly privateKey: KeyObject;
}

/** A certificate of an RSA key for a server of this name, signed by itself: in force until so many milliseconds from now. */
export function selfSigned(commonName: string, forMs = 3_600_000): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  // sha256WithRSAEncryption, and the common name's own OID.
  const algorithm = sequence(Buffer.from('06092a864886f70d01010b0500', 'hex'));
  const attribute = sequence(Buffer.from('0603550403', 'hex'), value(0x0c, commonName));
  const name = sequence(value(0x31, attribute));
  const validity = sequence(...[Date.now() - 86_400_000, Date.now() + forMs].map(utcTime));
  const content = sequence(
    value(0xa0, value(0x02, Buffer.from([2]))),
    value(0x02, Buffer.from([1])),
    algorithm,
    name,
    validity,
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    value(0xa3, sequence(subjectAltName(commonName))),
  );
  const signature = sign('sha256', content, privateKey);
  const unusedBits = Buffer.from([0]);
  const der = sequence(content, algorithm, value(0x03, Buffer.concat([unusedBits, signature])));
  const lines = der.toString('base64').replaceAll(/.{64}/g, '$&\n');
  return {
    pem: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    privateKey,
  };
}

/** Without it no client takes a server for what its certificate names. */
function subjectAltName(dnsName: string): Buffer {
  const names = sequence(value(0x82, dnsName));
  return sequence(Buffer.from('0603551d11', 'hex'), value(0x04, names));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return value(0x30, Buffer.concat(parts));
}

/** YYMMDDhhmmssZ */
function utcTime(at: number): Buffer {
  const digits = new Date(at).toISOString().replaceAll(/\D/g, '');
  return value(0x17, `${digits.slice(2, 14)}Z`);
}

/** One value of DER: its tag, its length, itself. */
function value(tag: number, content: Buffer | string): Buffer {
  const bytes = Buffer.from(content as string);
  const { length } = bytes;
  const head =
    length < 128
      ? [tag, length]
      : length < 256
        ? [tag, 0x81, length]
        : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), bytes]);
}
