import type { IceServer } from '@duskline/protocol';
import type { RegionPool } from '../domain/catalog.js';

/** Signs session tickets, and gives each host the key that verifies them. `auth/` implements it. */
export interface TicketSigner {
  hostKey(regionPool: RegionPool, hostId: string): Buffer;
  sign(
    ticket: RegionPool & {
      readonly hostId: string;
      readonly sessionId: string;
      readonly epoch: number;
      readonly playerId: string;
      readonly title: string;
      readonly ttlMs: number;
      readonly nowMs: number;
    },
  ): string;
}

/** Creates the STUN and TURN servers of one session's WebRTC connection, with fresh credentials. `auth/` implements it. */
export type CreateIceServers = (sessionId: string) => IceServer[];

/** What a broker signs and hands out so that a client and a host can trust each other. */
export interface Credentials {
  readonly tickets: TicketSigner;
  readonly iceServers: CreateIceServers;
}
