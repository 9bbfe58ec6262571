import { readFileSync } from 'node:fs';

/** The release of the AWS Distro for OpenTelemetry that runs beside every process: as an image, and as a package. */
export const COLLECTOR_VERSION = 'v0.48.0';
export const COLLECTOR_IMAGE = `public.ecr.aws/aws-observability/aws-otel-collector:${COLLECTOR_VERSION}`;

/** What it takes and where that goes. */
export const COLLECTOR_CONFIG = readFileSync(new URL('./collector.yaml', import.meta.url), 'utf8');

/** Of CloudWatch, as `collector.yaml` says: where the metrics go. */
export const METRICS_NAMESPACE = 'Waybill';
export const METRICS_LOG_GROUP = '/waybill/metrics';
