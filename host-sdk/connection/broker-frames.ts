import { BROKER_TO_HOST, type BrokerToHost } from '@duskline/protocol';
import { Compile, type Validator } from 'typebox/compile';

/** A frame of the broker that was read; `unknown_type` is to be ignored, a newer broker may send it. */
export type BrokerFrame =
  | { readonly kind: 'message'; readonly message: BrokerToHost }
  | { readonly kind: 'unknown_type' }
  | { readonly kind: 'invalid'; readonly detail: string };

const validators = new Map<string, Validator>(
  Object.entries(BROKER_TO_HOST).map(([type, schema]) => [type, Compile(schema)]),
);

/** Reads a frame that a broker sent. Never throws. `detail` names fields, and holds no values. */
export function parseBrokerFrame(text: string): BrokerFrame {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: 'invalid', detail: 'not JSON' };
  }
  if (typeof value !== 'object' || value === null || !('type' in value) || typeof value.type !== 'string') {
    return { kind: 'invalid', detail: 'not an object with a type' };
  }
  const { type } = value;
  const validator = validators.get(type);
  if (validator === undefined) return { kind: 'unknown_type' };
  if (validator.Check(value)) return { kind: 'message', message: value as BrokerToHost };
  const [first] = validator.Errors(value);
  return { kind: 'invalid', detail: `${type}: ${first?.instancePath ?? ''} ${first?.message ?? ''}` };
}
