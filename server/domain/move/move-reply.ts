/** How a party of a move answers the coordinator, the broker that runs the move. */
export type MoveReply =
  /** The source host has paused the session. Its checkpoint is in the store, or `reference` leads to it. */
  | { readonly kind: 'checkpoint'; readonly reference: string | null }
  /** The target host has restored the session. */
  | { readonly kind: 'restored' }
  /** The client has connected to the target host. */
  | { readonly kind: 'arrived' }
  | ({ readonly kind: 'refused' } & MoveFailure);

/** Who made a move fail. */
export type MoveParty = 'source' | 'target' | 'client' | 'store';

/** Why a move failed. */
export interface MoveFailure {
  readonly by: MoveParty;
  /** What operators read in the log and in the list of moves. */
  readonly reason: string;
}
