import type { KeyObject } from 'node:crypto';
import { TICKET_ISSUER } from '@duskline/protocol/constants';
import { regionPoolName, type RegionPool } from '../domain/catalog.js';
import { checkMasterKey, deriveKey } from './derived-key.js';
import { signCompact } from './sign-compact.js';

/** Part of every derivation: another use of the master key, or another ticket format, gets other keys. */
const PURPOSE = 'duskline ticket v1';

/** Each entry is about half a kilobyte; a key that was dropped is derived again in microseconds. */
const MAX_CACHED_KEYS = 10_000;

/** What a ticket admits to. */
export interface TicketRequest extends RegionPool {
  readonly hostId: string;
  readonly sessionId: string;
  readonly epoch: number;
  readonly playerId: string;
  readonly title: string;
  /** How long the ticket is good for; rounded up to whole seconds. */
  readonly ttlMs: number;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/** Signs tickets, each with the key of the one host it is for. */
export interface TicketSigner {
  /** The key that verifies this host's tickets: send it to that host only, when it registers. 32 bytes. */
  hostKey(regionPool: RegionPool, hostId: string): Buffer;
  /** A ticket: an HS256 JWT with the claims of `TicketClaims`. A secret: never log it. */
  sign(request: TicketRequest): string;
}

/** The audience of the tickets of one host. Host ids are unique in a place only, so the place is part of it. */
export function ticketAudience(regionPool: RegionPool, hostId: string): string {
  return `host:${regionPoolName(regionPool)}/${hostId}`;
}

/**
 * A mint whose keys all derive from one master key (HKDF-SHA256, RFC 5869), so that any broker can sign for any
 * host, nothing is stored, and a host that leaks its key endangers its own sessions only.
 *
 * @throws KeyMaterialError when the master key is shorter than 32 bytes.
 */
export function createTicketSigner(masterKey: KeyObject): TicketSigner {
  checkMasterKey(masterKey);
  /** In order of last use, oldest first. */
  const keys = new Map<string, KeyObject>();

  function keyOf(regionPool: RegionPool, hostId: string): KeyObject {
    const name = `${regionPoolName(regionPool)}/${hostId}`;
    const cached = keys.get(name);
    if (cached !== undefined) {
      keys.delete(name);
      keys.set(name, cached);
      return cached;
    }
    const key = deriveKey(masterKey, `${PURPOSE} ${name}`);
    keys.set(name, key);
    if (keys.size > MAX_CACHED_KEYS) {
      for (const oldest of keys.keys()) {
        keys.delete(oldest);
        break;
      }
    }
    return key;
  }

  return {
    hostKey: (regionPool, hostId) => keyOf(regionPool, hostId).export(),
    sign(request) {
      const claims = {
        iss: TICKET_ISSUER,
        aud: ticketAudience(request, request.hostId),
        sub: request.playerId,
        sid: request.sessionId,
        epoch: request.epoch,
        title: request.title,
        iat: Math.floor(request.nowMs / 1000),
        exp: Math.ceil((request.nowMs + request.ttlMs) / 1000),
      };
      return signCompact(claims, keyOf(request, request.hostId));
    },
  };
}
