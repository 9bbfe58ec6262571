import { Duration, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import { Archive, type EventBus, Match } from 'aws-cdk-lib/aws-events';
import { CfnRegistry, CfnSchema } from 'aws-cdk-lib/aws-eventschemas';
import { Key } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { EVENTS, type EventType, eventJsonSchemas } from '../src/contracts/events.ts';

export interface ArchiveStackProps extends StackProps {
  readonly bus: EventBus;
}

/** How long an event can be replayed: FAULTS counts on duplicates a year later. */
const RETENTION = Duration.days(365);
const REGISTRY = 'waybill';

/** What is kept of the bus and known of its events. Apart from the others, as the local service's AWS has neither. */
export class ArchiveStack extends Stack {
  constructor(scope: Construct, id: string, { bus, ...props }: ArchiveStackProps) {
    super(scope, id, props);
    this.archive(bus);
    this.registry();
  }

  private archive(bus: EventBus): void {
    const key = new Key(this, 'Key', {
      alias: 'waybill/archive',
      description: "What Waybill's bus has carried",
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    const archive = new Archive(this, 'Archive', {
      sourceEventBus: bus,
      archiveName: 'waybill',
      description: 'All events of the bus, to be replayed to it',
      eventPattern: { source: Match.prefix('') },
      retention: RETENTION,
      kmsKey: key,
    });
    archive.applyRemovalPolicy(RemovalPolicy.RETAIN);
  }

  private registry(): void {
    const registry = new CfnRegistry(this, 'Registry', {
      registryName: REGISTRY,
      description: "Waybill's canonical events",
    });
    for (const [type, content] of Object.entries(registrySchemas())) {
      const { source } = EVENTS[type as EventType];
      new CfnSchema(this, `${type}Schema`, {
        registryName: registry.attrRegistryName,
        // As the registry itself names a schema that it discovers.
        schemaName: `${source}@${type}`,
        type: 'JSONSchemaDraft4',
        content: JSON.stringify(content),
      });
    }
  }
}

/**
 * What the registry holds: of each event what a producer puts on the bus. The registry takes OpenAPI 3 or JSON Schema
 * draft 4, nothing newer. It is draft 4: a producer can validate with it before it puts, which EventBridge does not.
 */
function registrySchemas(): Record<string, object> {
  const schemas = Object.entries(eventJsonSchemas('draft-4')).map(
    ([type, { $schema, ...detail }]) => [
      type,
      {
        $schema,
        title: type,
        type: 'object',
        required: ['source', 'detail-type', 'detail'],
        properties: {
          source: { type: 'string', enum: [EVENTS[type as EventType].source] },
          'detail-type': { type: 'string', enum: [type] },
          detail,
        },
      },
    ],
  );
  return Object.fromEntries(schemas) as Record<string, object>;
}
