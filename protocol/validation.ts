import { Compile, type Validator } from 'typebox/compile';
import type { TObject } from 'typebox';
import { CLIENT_TO_BROKER, type ClientToBroker } from './client-messages.js';
import type { ErrorCode } from './codes.js';
import { HOST_TO_BROKER, type HostToBroker } from './host-messages.js';

/** The type of a message from a client or host. */
export type MessageType = (ClientToBroker | HostToBroker)['type'];

/** The message of a frame, or why the frame is invalid. `requestId` is set when an invalid frame has one. */
export type ParseResult<Message> =
  | { readonly ok: true; readonly message: Message }
  | {
      readonly ok: false;
      readonly code: Extract<ErrorCode, 'BAD_MESSAGE' | 'UNKNOWN_MESSAGE_TYPE'>;
      /** The field and the rule that it breaks. It contains field names of the frame, never values. */
      readonly detail: string;
      /** The type of the message; absent if the frame is no JSON object with a known `type`. */
      readonly type?: MessageType;
      readonly requestId?: string;
    };

/** Reads a frame that a client sent. Never throws. */
export const parseClientMessage = createParser<ClientToBroker>(CLIENT_TO_BROKER);

/** Reads a frame that a host sent. Never throws. */
export const parseHostMessage = createParser<HostToBroker>(HOST_TO_BROKER);

function createParser<Message>(schemas: Record<string, TObject>): (text: string) => ParseResult<Message> {
  const validators = new Map<string, Validator>();
  const known = Object.keys(schemas).join(', ');

  /** Compiles each validator with the first message of its type, so that programs start fast: most use few types. */
  function validatorOf(type: string): Validator | undefined {
    const existing = validators.get(type);
    if (existing !== undefined) return existing;
    const schema = Object.hasOwn(schemas, type) ? schemas[type] : undefined;
    if (schema === undefined) return undefined;
    const validator: Validator = Compile(schema);
    validators.set(type, validator);
    return validator;
  }

  return (text) => {
    const value = parseObject(text);
    if (value === undefined) {
      return { ok: false, code: 'BAD_MESSAGE', detail: 'The frame is not a JSON object.' };
    }
    const type = value['type'];
    const validator = typeof type === 'string' ? validatorOf(type) : undefined;
    if (validator === undefined) {
      return {
        ok: false,
        code: 'UNKNOWN_MESSAGE_TYPE',
        detail: `"type" must be one of: ${known}.`,
        ...readRequestId(value),
      };
    }
    if (validator.Check(value)) return { ok: true, message: value as Message };
    return {
      ok: false,
      code: 'BAD_MESSAGE',
      detail: describeError(String(type), validator, value),
      type: type as MessageType,
      ...readRequestId(value),
    };
  };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

const REQUEST_ID = /^[A-Za-z0-9_.:-]{1,64}$/;

function readRequestId(value: Record<string, unknown>): { requestId?: string } {
  const requestId = value['requestId'];
  return typeof requestId === 'string' && REQUEST_ID.test(requestId) ? { requestId } : {};
}

function describeError(type: string, validator: Validator, value: unknown): string {
  const [first] = validator.Errors(value);
  if (first === undefined) return `${type}: the message is not valid.`;
  // The path contains keys that the peer chose, so its length is limited before it reaches a log.
  const path = first.instancePath.slice(0, 120) || 'the message';
  if (first.keyword === 'boolean') return `${type}: ${path} is not a known field.`;
  return `${type}: ${path} ${first.message}.`;
}
