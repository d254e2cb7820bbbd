import type { IceServer } from '@duskline/protocol';
import type { KeyObject } from 'node:crypto';
import { turnCredentials } from './turn-credentials.js';

/** What holds where the configuration says nothing: long enough for a stream to begin, and to begin anew for a while. */
export const DEFAULT_TURN_TTL_MS = 3_600_000;

/** STUN or TURN servers that share their credentials. */
export interface IceServerConfig {
  readonly urls: readonly string[];
  /** Present where the servers ask for credentials: TURN. */
  readonly turn: {
    /** Shared with the servers, and with nobody else. */
    readonly secret: KeyObject;
    /** How long credentials serve to begin a stream. */
    readonly ttlMs: number;
  } | null;
}

/**
 * Gives the servers for the WebRTC connection of one session, with credentials of its own; none when none are
 * configured.
 *
 * @param now milliseconds since 1970; default: the system's clock
 */
export function createIceServers(
  servers: readonly IceServerConfig[],
  now: () => number = Date.now,
): (sessionId: string) => IceServer[] {
  return (sessionId) =>
    servers.map(({ urls, turn }) => ({
      urls: [...urls],
      ...(turn === null ? {} : turnCredentials(turn.secret, sessionId, now() + turn.ttlMs)),
    }));
}
