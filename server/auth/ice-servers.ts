import type { IceServer } from '@duskline/protocol';
import type { KeyObject } from 'node:crypto';
import type { ServerClock } from '../runtime/runtime.js';
import { turnCredentials } from './turn-credentials.js';

/** Default lifetime of TURN credentials: long enough to start a stream and to restart it for a while. */
export const DEFAULT_TURN_TTL_MS = 3_600_000;

/** STUN servers, or TURN servers that share a secret. */
export interface IceServerConfig {
  readonly urls: readonly string[];
  /** `null` for STUN servers, which need no credentials. */
  readonly turn: {
    /** Secret shared with these TURN servers only. */
    readonly secret: KeyObject;
    /** How long credentials are valid for starting a stream, in milliseconds. */
    readonly ttlMs: number;
  } | null;
}

/**
 * Creates a function that returns the ICE servers of a session, with TURN credentials for that session. Returns an empty list
 * if no servers are configured.
 */
export function createIceServers(
  servers: readonly IceServerConfig[],
  clock: Pick<ServerClock, 'wallMs'>,
): (sessionId: string) => IceServer[] {
  return (sessionId) =>
    servers.map(({ urls, turn }) => ({
      urls: [...urls],
      ...(turn === null ? {} : turnCredentials(turn.secret, sessionId, clock.wallMs() + turn.ttlMs)),
    }));
}
