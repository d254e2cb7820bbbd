import { BROKER_TO_HOST, type BrokerToHost } from '@duskline/protocol';
import { isJsonObject, parseJson } from '@duskline/sdk-runtime';
import { Compile, type Validator } from 'typebox/compile';

/** A parsed frame. `unknown_type` has to be ignored: newer brokers may send it. */
export type BrokerFrame =
  | { readonly kind: 'message'; readonly message: BrokerToHost }
  | { readonly kind: 'unknown_type' }
  | { readonly kind: 'invalid'; readonly detail: string };

const validators = new Map<string, Validator>(
  Object.entries(BROKER_TO_HOST).map(([type, schema]) => [type, Compile(schema)]),
);

/** Parses a frame of a broker. Never throws. `detail` names fields but contains no values. */
export function parseBrokerFrame(text: string): BrokerFrame {
  const value = parseJson(text);
  if (value === undefined) return { kind: 'invalid', detail: 'not JSON' };
  const type = isJsonObject(value) ? value['type'] : undefined;
  if (typeof type !== 'string') return { kind: 'invalid', detail: 'not an object with a type' };
  const validator = validators.get(type);
  if (validator === undefined) return { kind: 'unknown_type' };
  if (validator.Check(value)) return { kind: 'message', message: value as BrokerToHost };
  const [first] = validator.Errors(value);
  return { kind: 'invalid', detail: `${type}: ${first?.instancePath ?? ''} ${first?.message ?? ''}` };
}
