import { days, failure, ok, warning, type Finding } from './finding.ts';
import type { QueueFacts } from './queueChecks.ts';

/** A namespace as it is set up. */
export interface NamespaceFacts {
  readonly name: string;
  /** For how long it keeps closed workflows, in seconds. */
  readonly retention: number;
  /** The types of its search attributes, by name. */
  readonly searchAttributes: Readonly<Record<string, string>>;
}

/** A search attribute that workflows set: its name, and its type as Temporal names it, such as `Keyword`. */
export interface ExpectedAttribute {
  readonly name: string;
  readonly type: string;
}

/** Holds a namespace against the queues and the search attributes that workflows set. Asks nobody. */
export function judgeNamespace(
  { name, retention, searchAttributes }: NamespaceFacts,
  queues: readonly Pick<QueueFacts, 'name' | 'retention'>[],
  expected: readonly ExpectedAttribute[],
): readonly Finding[] {
  const subject = `namespace ${name}`;
  const longer = queues.filter((queue) => queue.retention > retention);
  return [
    ok(subject, `it is there, and keeps closed workflows for ${days(retention)}`),
    ...longer.map((queue) =>
      warning(
        subject,
        `queue ${queue.name} keeps messages for ${days(queue.retention)}: past ${days(retention)} a duplicate of a closed workflow's start is not recognised`,
        `set the namespace's retention to at least ${days(queue.retention)}, or recognise duplicates in the workflow`,
      ),
    ),
    ...expected.map((attribute) =>
      judgeAttribute(subject, attribute, searchAttributes[attribute.name]),
    ),
  ];
}

function judgeAttribute(
  subject: string,
  { name, type }: ExpectedAttribute,
  registered: string | undefined,
): Finding {
  if (registered === type) return ok(subject, `search attribute ${name} is registered as ${type}`);
  return registered === undefined
    ? failure(
        subject,
        `search attribute ${name} is not registered: workflows that set it cannot go on`,
        `temporal operator search-attribute create --name ${name} --type ${type}`,
      )
    : failure(
        subject,
        `search attribute ${name} is registered as ${registered}, expected ${type}`,
        `remove it and register it as ${type}`,
      );
}
