import { randomUUID } from 'node:crypto';
import type { RegionPool } from '@duskline/server/domain/catalog.js';
import type { HostRegistration, Reservation, SessionMeta } from '@duskline/server/store/fleet-store.js';

/** Region pool of most store tests. */
export const REGION_POOL: RegionPool = { region: 'eu-central', pool: 'pc' };

/** A session id in the broker's form: a UUID v7. Its last 32 bits are a hash of the number, so that they are evenly distributed. */
export function sessionIdOf(number: number): string {
  const time = number.toString(16).padStart(12, '0');
  const hash = (Math.imul(number + 1, 0x9e3779b1) >>> 0).toString(16).padStart(8, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-0000${hash}`;
}

/** A random session id in the form of a UUID v7. */
export function newSessionId(): string {
  const id = randomUUID();
  return `${id.slice(0, 14)}7${id.slice(15)}`;
}

/** The registration of a host with four slots. */
export function registration(hostId: string, changes: Partial<HostRegistration> = {}): HostRegistration {
  return {
    hostId,
    connectionId: 'broker-a.1',
    slots: 4,
    endpoint: `quic://${hostId}.example:443`,
    ...changes,
  };
}

/** A reservation of a session in its first epoch. */
export function reservation(sessionId: string, changes: Partial<Reservation> = {}): Reservation {
  return { sessionId, epoch: 1, clientBrokerId: 'broker-a', meta: metaOf(sessionId), ...changes };
}

/** Player, request and match of a session, derived from its id. */
export function metaOf(sessionId: string): SessionMeta {
  return {
    playerId: `player-${sessionId.slice(-8)}`,
    requestId: `request-${sessionId.slice(-8)}`,
    title: 'meadow',
    match: JSON.stringify({ codec: 'av1', resolution: '1440p', fps: 60 }),
  };
}
