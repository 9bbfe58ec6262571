import { bridge } from '../../src/bridges/index.ts';
import { routes } from './routes.ts';
import { connect } from './temporal.ts';

const stopping = new AbortController();
process.once('SIGTERM', () => stopping.abort());

const client = await connect();
const queueUrls = [process.env['PARCEL_QUEUE_URL'] ?? ''];
await bridge({ queueUrls, routes, client }).run(stopping.signal);
await client.connection.close();
