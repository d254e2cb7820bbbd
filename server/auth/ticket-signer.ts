import type { KeyObject } from 'node:crypto';
import { TICKET_ISSUER } from '@duskline/protocol/constants';
import { regionPoolName, type RegionPool } from '../domain/catalog.js';
import { checkMasterKey, deriveKey } from './derived-key.js';
import { signCompact } from './sign-compact.js';

/** Purpose in the key derivation. Other uses of the master key and other ticket formats have other purposes. */
const PURPOSE = 'duskline ticket v1';

/** Maximum number of cached keys. An entry takes about half a kilobyte; a dropped key is derived again in microseconds. */
const MAX_CACHED_KEYS = 10_000;

/** Claims of a ticket. */
export interface TicketRequest extends RegionPool {
  readonly hostId: string;
  readonly sessionId: string;
  readonly epoch: number;
  readonly playerId: string;
  readonly title: string;
  /** Of the tickets for this session and epoch, the host admits the one with the highest number. 0: the first connection. */
  readonly seq: number;
  /** Lifetime of the ticket; rounded up to whole seconds. */
  readonly ttlMs: number;
  /** Present time, in milliseconds since 1970. */
  readonly nowMs: number;
}

/** Signs tickets, each with the key of its host. */
export interface TicketSigner {
  /** The key that verifies the tickets of this host, 32 bytes. Send it to that host only, when it registers. */
  hostKey(regionPool: RegionPool, hostId: string): Buffer;
  /** Signs a ticket: an HS256 JWT with the claims of `TicketClaims`. A secret: never log it. */
  sign(request: TicketRequest): string;
}

/** Audience of the tickets of a host. It contains the region pool, since host ids are unique only within it. */
export function ticketAudience(regionPool: RegionPool, hostId: string): string {
  return `host:${regionPoolName(regionPool)}/${hostId}`;
}

/**
 * Creates a ticket signer. All keys derive from one master key (HKDF-SHA256, RFC 5869): every broker can sign for every host,
 * no key is stored, and a host that leaks its key endangers its own sessions only.
 *
 * @throws KeyMaterialError when the master key is shorter than 32 bytes
 */
export function createTicketSigner(masterKey: KeyObject): TicketSigner {
  checkMasterKey(masterKey);
  /** Keys that were used lately, and those that were used before. When the first ones are too many, they become the second ones. */
  let keys = new Map<string, KeyObject>();
  let olderKeys = new Map<string, KeyObject>();

  function keyOf(regionPool: RegionPool, hostId: string): KeyObject {
    const name = `${regionPoolName(regionPool)}/${hostId}`;
    const cached = keys.get(name);
    if (cached !== undefined) return cached;
    const key = olderKeys.get(name) ?? deriveKey(masterKey, `${PURPOSE} ${name}`);
    if (keys.size >= MAX_CACHED_KEYS / 2) {
      olderKeys = keys;
      keys = new Map();
    }
    keys.set(name, key);
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
        // A first ticket does without the claim.
        seq: request.seq === 0 ? undefined : request.seq,
        iat: Math.floor(request.nowMs / 1000),
        exp: Math.ceil((request.nowMs + request.ttlMs) / 1000),
      };
      return signCompact(claims, keyOf(request, request.hostId));
    },
  };
}
