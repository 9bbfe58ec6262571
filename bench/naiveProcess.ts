import { SQSClient } from '@aws-sdk/client-sqs';
import {
  Client,
  Connection,
  defaultGrpcRetryOptions,
  makeGrpcRetryInterceptor,
} from '@temporalio/client';
import { Consumer } from 'sqs-consumer';
import { serveJob } from './child.ts';
import { callWith } from './directCall.ts';
import { readData } from './events.ts';
import type { CarryJob, CarryResult } from './job.ts';
import { createMeter } from './meter.ts';

// The bridge that everybody writes first.
serveJob<CarryJob, CarryResult>(async (job, parent) => {
  const { load } = job;
  const meter = createMeter(job, parent);
  const sqs = new SQSClient(job.aws);
  meter.watchSqs(sqs);
  const connection = await Connection.connect({
    address: job.temporal,
    // The default, and the meter.
    interceptors: [makeGrpcRetryInterceptor(defaultGrpcRetryOptions()), meter.interceptor],
  });
  meter.watchStarts(connection);
  const client = new Client({ connection });
  for (let index = 0; index < job.consumers; index += 1) {
    const consumer = Consumer.create({
      queueUrl: job.queueUrl,
      sqs,
      handleMessage: async (message) => {
        await callWith(client, load, readData(message.Body));
        return message;
      },
    });
    consumer.on('error', (error) => console.error(error));
    consumer.on('processing_error', (error) => console.error(error));
    consumer.start();
  }
  // Its long polls end with the process.
  return await meter.finished;
});
