import { lambdaHandler } from '../../src/bridges/lambda.ts';
import { routes } from './routes.ts';
import { connect } from './temporal.ts';

export const handler = lambdaHandler({ routes, connect });
