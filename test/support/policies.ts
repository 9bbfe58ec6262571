import assert from 'node:assert/strict';
import type { Template } from 'aws-cdk-lib/assertions';

interface Statement {
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: { readonly StringEquals: { readonly 'kms:ViaService': readonly unknown[] } };
}

/** What a role of a template allows. */
export interface Permissions {
  /** Each action, with each resource that it is allowed on, as texts. */
  readonly allowed: readonly Allowed[];
  /**
   * Whether an action is allowed on a resource, given as the template refers to it. Of a key: through a service
   * (`kms:Decrypt through sqs`), or by the role itself (`kms:Decrypt`).
   */
  allows(action: string, resource: unknown): boolean;
}

interface Allowed {
  readonly action: string;
  readonly resource: string;
  /** The services through which it is; null: as it likes. */
  readonly through: readonly string[] | null;
}

/** Reads the policies of the role with this logical ID: those in it, and those that name it. */
export function permissionsOf(template: Template, roleId: string): Permissions {
  const role = template.findResources('AWS::IAM::Role')[roleId];
  assert.ok(role, `the role ${roleId}`);
  // What AWS manages cannot be read here.
  assert.equal(role['Properties'].ManagedPolicyArns, undefined);
  const inline = (role['Properties'].Policies ?? []) as { PolicyDocument: object }[];
  const attached = Object.values(template.findResources('AWS::IAM::Policy'))
    .map((policy) => policy['Properties'] as { Roles?: { Ref: string }[]; PolicyDocument: object })
    .filter(({ Roles = [] }) => Roles.some(({ Ref }) => Ref === roleId));
  const statements = [...inline, ...attached].flatMap(
    ({ PolicyDocument }) => (PolicyDocument as { Statement: Statement[] }).Statement,
  );
  const allowed = statements.flatMap(({ Effect, Action, Resource, Condition }) => {
    assert.equal(Effect, 'Allow', 'nothing here reads another effect');
    const through = Condition && throughOf(Condition);
    return listOf(Action).flatMap((action) =>
      listOf(Resource).map((resource) => ({
        action,
        resource: textOf(resource),
        through: through ?? null,
      })),
    );
  });
  return {
    allowed,
    allows(asked, resource) {
      const [action = '', service = ''] = asked.split(' through ');
      return allowed.some(
        (one) =>
          matches(one.action, action) &&
          matches(one.resource, textOf(resource)) &&
          (one.through === null || one.through.includes(service)),
      );
    },
  };
}

/** @throws where there is another condition: nothing here reads one. */
function throughOf(condition: NonNullable<Statement['Condition']>): readonly string[] {
  assert.deepEqual(Object.keys(condition), ['StringEquals']);
  assert.deepEqual(Object.keys(condition.StringEquals), ['kms:ViaService']);
  return listOf(condition.StringEquals['kms:ViaService']).map((service) =>
    textOf(service).replace(/\..*/s, ''),
  );
}

function listOf<One>(some: One | readonly One[]): readonly One[] {
  return Array.isArray(some) ? (some as readonly One[]) : [some as One];
}

/** A text for what only AWS can resolve: equal for what is equal. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const [[intrinsic, of] = []] = Object.entries(value as object) as [string, unknown][];
  if (intrinsic === 'Fn::Join') {
    const [separator, parts] = of as [string, unknown[]];
    return parts.map(textOf).join(separator);
  }
  return `<${intrinsic} ${JSON.stringify(of)}>`;
}

/** As IAM compares: `*` is anything, `?` one character. */
function matches(pattern: string, text: string): boolean {
  const escaped = pattern.replace(/[\\^$+.()|[\]{}]/g, String.raw`\$&`);
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's').test(text);
}
