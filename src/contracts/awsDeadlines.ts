/** The AWS SDK's defaults would wait for ever on a connection that has gone silent. A long poll takes up to 20 s. */
export const AWS_DEADLINES = {
  requestHandler: {
    connectionTimeout: 5_000,
    requestTimeout: 30_000,
    throwOnRequestTimeout: true,
  },
};
