import assert from 'node:assert/strict';
import type { Template } from 'aws-cdk-lib/assertions';
import { EVENTS } from '../../src/contracts/events.ts';
import { exampleTemplates } from '../support/templates.ts';

interface SchemaResource {
  readonly Properties: {
    readonly SchemaName: string;
    readonly Type: string;
    readonly Content: string;
  };
}

interface EventSchema {
  readonly $schema: string;
  readonly required: readonly string[];
  readonly properties: {
    readonly source: { readonly enum: readonly string[] };
    readonly 'detail-type': { readonly enum: readonly string[] };
    readonly detail: { readonly type: string; readonly required: readonly string[] };
  };
}

describe('what is kept and known of the bus', function () {
  this.timeout(120_000);

  let template: Template;

  before(() => {
    const found = exampleTemplates().get('waybill-archive');
    assert.ok(found);
    template = found;
  });

  it('archives every event for a year, even where the stack goes', () => {
    template.hasResource('AWS::Events::Archive', {
      DeletionPolicy: 'Retain',
      Properties: { RetentionDays: 365, EventPattern: { source: [{ prefix: '' }] } },
    });
  });

  it('publishes the schema of every canonical event, in the draft that the registry takes', () => {
    template.hasResourceProperties('AWS::EventSchemas::Registry', { RegistryName: 'waybill' });
    const schemas = Object.values(
      template.findResources('AWS::EventSchemas::Schema'),
    ) as SchemaResource[];
    assert.equal(schemas.length, Object.keys(EVENTS).length);
    for (const [type, { source }] of Object.entries(EVENTS)) {
      const found = schemas.find(({ Properties }) => Properties.SchemaName === `${source}@${type}`);
      assert.ok(found, type);
      const { Type, Content } = found.Properties;
      assert.equal(Type, 'JSONSchemaDraft4');
      const { $schema, required, properties } = JSON.parse(Content) as EventSchema;
      assert.equal($schema, 'http://json-schema.org/draft-04/schema#');
      assert.deepEqual(required, ['source', 'detail-type', 'detail']);
      assert.deepEqual(properties.source.enum, [source]);
      assert.deepEqual(properties['detail-type'].enum, [type]);
      assert.equal(properties.detail.type, 'object');
      assert.ok(properties.detail.required.includes('version'), type);
      // Words of later drafts, which draft 4 does not know.
      assert.doesNotMatch(
        Content,
        /"(const|\$defs|exclusiveMinimum":\d|prefixItems|propertyNames)"/,
      );
    }
  });
});
