/**
 * An SQS message, as far as parking goes. The SDK's own type would bring Node's into what the workflows are checked
 * with.
 */
interface ParkableMessage {
  readonly Attributes?: { readonly [name in string]?: string | undefined } | undefined;
  readonly MessageAttributes?: Readonly<Record<string, MessageAttribute>> | undefined;
}

interface MessageAttribute {
  readonly DataType: string | undefined;
  readonly StringValue?: string | undefined;
  readonly BinaryValue?: Uint8Array | undefined;
}

/** Why a message is parked: every code there is, and what it says to an operator. */
export const PARKING_CODES = {
  malformed:
    'The body is not what its envelope or its schema says; sending it again will not help.',
  'unknown-type': 'No route takes this source and type. Add the route, then redrive.',
  'unknown-version':
    'The route does not know this version of the event. Deploy what does, then redrive.',
  'too-large': 'The event is larger than a workflow can take.',
  conflict: 'The workflow was started already, with other content under the same workflow ID.',
  early: 'The workflow did not exist, and did not come to exist within the limit of the route.',
  late: 'The workflow is closed, and the route asks for its late events to be parked.',
  refused: 'The workflow refused the update, and the route asks for such events to be parked.',
} as const;

export type ParkingCode = keyof typeof PARKING_CODES;

/** Why and when a message was parked: the JSON of its attribute `waybill`. */
export interface ParkingNote {
  readonly code: ParkingCode;
  readonly reason: string;
  /** `{source} {type}`; null where the event could not be read so far. */
  readonly route: string | null;
  readonly eventId: string | null;
  /** Of the workflow it was for; null where no route says so. */
  readonly workflowId: string | null;
  /** The ID that SQS gave the message when it was first sent. */
  readonly messageId: string;
  /** The indices of the records that are parked, where the message holds several; the others are settled. */
  readonly records?: readonly number[];
  /** When it was first received, ISO 8601. */
  readonly firstSeen: string;
  /** How often it had been received. */
  readonly receives: number;
}

/** The message attribute in which a parked message carries its note. */
export const PARKING_ATTRIBUTE = 'waybill';

/** What can be read of a note. An attribute of that name may also be somebody else's: each field is checked. */
export function readParkingNote(message: ParkableMessage): Partial<ParkingNote> | null {
  const text = message.MessageAttributes?.[PARKING_ATTRIBUTE]?.StringValue;
  if (text === undefined) return null;
  let note: unknown;
  try {
    note = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof note !== 'object' || note === null) return null;
  const { code, records, receives, ...texts } = note as Record<string, unknown>;
  return {
    ...(typeof code === 'string' &&
      Object.hasOwn(PARKING_CODES, code) && { code: code as ParkingCode }),
    ...(isIndices(records) && { records }),
    ...(typeof receives === 'number' && { receives }),
    ...Object.fromEntries(
      TEXTS.flatMap((key) => (typeof texts[key] === 'string' ? [[key, texts[key]]] : [])),
    ),
  };
}

const TEXTS = ['reason', 'route', 'eventId', 'workflowId', 'messageId', 'firstSeen'] as const;

function isIndices(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((each) => Number.isSafeInteger(each) && each >= 0);
}

interface CopiedAttribute {
  readonly DataType: string | undefined;
  readonly StringValue?: string;
  readonly BinaryValue?: Uint8Array;
}

/** The attributes of a message as they can be sent again: lists are reserved by SQS, and refused even when empty. */
export function attributesOf(message: ParkableMessage): Record<string, CopiedAttribute> {
  return Object.fromEntries(
    Object.entries(message.MessageAttributes ?? {}).map(
      ([name, { DataType, StringValue, BinaryValue }]) => [
        name,
        {
          DataType,
          ...(StringValue !== undefined && { StringValue }),
          ...(BinaryValue !== undefined && { BinaryValue }),
        },
      ],
    ),
  );
}

/** What else a copy of a message takes along: its trace, and its message group, on a standard queue too (fair queues). */
export function systemAttributesOf({ Attributes }: ParkableMessage) {
  const { MessageGroupId: group, AWSTraceHeader: trace } = Attributes ?? {};
  return {
    ...(trace && {
      MessageSystemAttributes: {
        AWSTraceHeader: { DataType: 'String', StringValue: trace },
      },
    }),
    ...(group && { MessageGroupId: group }),
  };
}
