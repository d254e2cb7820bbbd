import type { BrokerToClient } from '@duskline/protocol';
import { isJsonObject, parseJson } from '@duskline/sdk-runtime';

/** The expected type of a value. A list of one shape stands for arrays. Fields whose name ends in `?` may be absent. */
type Shape =
  'string' | 'number' | 'boolean' | 'number or null' | [Shape] | { readonly [field: string]: Shape };

const MATCH_SHAPE: Shape = {
  requestId: 'string',
  sessionId: 'string',
  epoch: 'number',
  title: 'string',
  region: 'string',
  pool: 'string',
  host: { hostId: 'string', endpoint: 'string' },
  ticket: 'string',
  claimWithinMs: 'number',
  stream: { codec: 'string', resolution: 'string', fps: 'number' },
  'iceServers?': [{ urls: ['string'], 'username?': 'string', 'credential?': 'string' }],
};

/** The fields that the SDK reads, by message type. Less strict than the protocol's schemas, which the broker keeps to. */
const FRAME_SHAPES: Readonly<Record<BrokerToClient['type'], Shape>> = {
  welcome: {
    connectionId: 'string',
    playerId: 'string',
    regions: [{ region: 'string', lat: 'number', lon: 'number', beaconUrl: 'string', state: 'string' }],
    pingIntervalMs: 'number',
    'resumeToken?': 'string',
  },
  matched: MATCH_SHAPE,
  moving: MATCH_SHAPE,
  queued: {
    requestId: 'string',
    position: 'number',
    'etaMs?': { low: 'number', high: 'number' },
    region: 'string',
  },
  offer: { requestId: 'string', region: 'string', acceptWithinMs: 'number' },
  replaced: { requestId: 'string', byRequestId: 'string' },
  limit: { sessionId: 'string', kind: 'string', endsAtMs: 'number or null' },
  signal: { sessionId: 'string', data: 'string' },
  session: { sessionId: 'string', epoch: 'number', state: 'string', 'reason?': 'string' },
  pong: { id: 'number' },
  error: {
    code: 'string',
    message: 'string',
    retryable: 'boolean',
    'retryAfterMs?': 'number',
    'requestId?': 'string',
    'sessionId?': 'string',
  },
};

/**
 * Parses a frame of the broker. Never throws: returns `undefined` for malformed frames and for types that this version does not
 * know. Unknown fields are kept.
 */
export function parseBrokerFrame(data: unknown): BrokerToClient | undefined {
  const value = typeof data === 'string' ? parseJson(data) : undefined;
  if (!isJsonObject(value)) return undefined;
  const type = value['type'];
  if (typeof type !== 'string' || !Object.hasOwn(FRAME_SHAPES, type)) return undefined;
  return matchesShape(value, FRAME_SHAPES[type as BrokerToClient['type']])
    ? (value as unknown as BrokerToClient)
    : undefined;
}

function matchesShape(value: unknown, shape: Shape): boolean {
  if (shape === 'number or null') return value === null || typeof value === 'number';
  if (typeof shape === 'string') return typeof value === shape;
  if (Array.isArray(shape))
    return Array.isArray(value) && value.every((item) => matchesShape(item, shape[0]));
  return (
    isJsonObject(value) &&
    Object.entries(shape).every(([field, inner]) => {
      const name = field.replace('?', '');
      return (name !== field && value[name] === undefined) || matchesShape(value[name], inner);
    })
  );
}
