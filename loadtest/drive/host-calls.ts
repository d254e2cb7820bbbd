/** What a player sends to a host directly, in place of the connection over which a real player streams. */
export type HostRequest =
  | { readonly kind: 'show'; readonly claim: ReservationClaim }
  | { readonly kind: 'bye'; readonly sessionId: string; readonly epoch: number };

/** The ticket that a player shows to the host, and what it is for. */
export interface ReservationClaim {
  readonly ticket: string;
  readonly sessionId: string;
  readonly epoch: number;
  readonly player: string;
}

/** A request to a host of another worker. `from` is the index of the worker that gets the reply. */
export type HostCall = { readonly from: number; readonly id: number; readonly host: string } & HostRequest;

export interface HostReply {
  readonly id: number;
  /** Whether the host admitted the player, or ended the session. */
  readonly done: boolean;
}
