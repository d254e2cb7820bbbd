import type { IceServer } from '@duskline/protocol';
import type { RegionPool } from '../domain/catalog.js';

/** Signs session tickets, and derives each host's key to verify them. Implemented in `auth/`. */
export interface TicketSigner {
  hostKey(regionPool: RegionPool, hostId: string): Buffer;
  sign(
    ticket: RegionPool & {
      readonly hostId: string;
      readonly sessionId: string;
      readonly epoch: number;
      readonly playerId: string;
      readonly title: string;
      readonly seq: number;
      readonly ttlMs: number;
      readonly nowMs: number;
    },
  ): string;
}

/** Lists the STUN and TURN servers for one session's WebRTC connection, with fresh credentials. Implemented in `auth/`. */
export type CreateIceServers = (sessionId: string) => IceServer[];

/** Credentials that a broker issues so that a client and its host can authenticate and connect to each other. */
export interface Credentials {
  readonly tickets: TicketSigner;
  readonly iceServers: CreateIceServers;
}
