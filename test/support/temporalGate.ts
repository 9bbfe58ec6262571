import { once } from 'node:events';
import { connect, createSecureServer, constants, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { selfSigned, type Certificate } from './certificate.ts';
import { temporalAddress } from './servers.ts';

/** What the gate's certificate says it is. */
export const GATE_NAME = 'temporal.example';

const { UNAUTHENTICATED, PERMISSION_DENIED } = { UNAUTHENTICATED: '16', PERMISSION_DENIED: '7' };

export interface GateOptions {
  /** The only client certificate that is let in. */
  readonly clientCertificate?: Certificate;
  /** The only API key that is let in. */
  readonly apiKey?: string;
  /** Methods that are refused to everybody, such as `UpdateNamespace`. */
  readonly refused?: readonly string[];
}

/** TLS in front of the run's Temporal service, which lets in only whoever shows what is asked for: as Temporal Cloud does. */
export async function startGate({ clientCertificate, apiKey, refused = [] }: GateOptions) {
  const own = selfSigned(GATE_NAME);
  const upstream = connect(`http://${temporalAddress()}`);
  const server = createSecureServer({
    cert: own.pem,
    key: own.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    ...(clientCertificate && {
      requestCert: true,
      rejectUnauthorized: true,
      ca: clientCertificate.pem,
    }),
  });
  // A client that is turned away ends its connection.
  server.on('sessionError', () => undefined);
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    const method = headers[':path']?.split('/').at(-1) ?? '';
    if (apiKey !== undefined && headers.authorization !== `Bearer ${apiKey}`) {
      return refuse(stream, UNAUTHENTICATED, 'invalid API key');
    }
    if (refused.includes(method)) return refuse(stream, PERMISSION_DENIED, 'Request unauthorized.');
    const { ':authority': _, authorization: __, ...rest } = headers;
    const request = upstream.request(rest);
    request.on('error', () => stream.close(constants.NGHTTP2_CANCEL));
    stream.on('close', () => request.close());
    let trailers: Record<string, unknown> = {};
    request.on('trailers', (given) => (trailers = given));
    request.on('response', ({ ':status': status, ...given }, flags) => {
      const endStream = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
      stream.respond({ ':status': status, ...given }, { waitForTrailers: !endStream, endStream });
      stream.on('wantTrailers', () => stream.sendTrailers(trailers as never));
      if (!endStream) request.pipe(stream);
    });
    stream.pipe(request);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    certificate: own.pem,
    async close() {
      upstream.destroy();
      server.close();
    },
  };
}

/** As gRPC does where there is nothing but a status. */
function refuse(stream: ServerHttp2Stream, status: string, message: string): void {
  stream.respond(
    {
      ':status': 200,
      'content-type': 'application/grpc',
      'grpc-status': status,
      'grpc-message': message,
    },
    { endStream: true },
  );
}
