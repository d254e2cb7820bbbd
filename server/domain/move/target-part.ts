/**
 * The phase of a move at the broker of its target host.
 *
 * - `asked`: the host was asked to restore the session.
 * - `restored`: the host has done so, and waits for the client.
 * - `over`: the client has arrived, or the host does not have the session. Whatever comes later changes nothing.
 */
export type TargetPhase = 'asked' | 'restored' | 'over';

export type TargetEvent =
  /** The host has restored the session. */
  | { readonly type: 'restored'; readonly isLate: boolean }
  /** The host sent `cannot_move`. */
  | { readonly type: 'refused' }
  /** The client has arrived, the slot is gone, or the time of the move is over. */
  | { readonly type: 'finished' };

/** What the broker does about a move to one of its hosts. */
export type TargetEffect =
  | 'reply_restored'
  /** Tells the coordinator that the target host refused. */
  | 'reply_refused'
  /** Tells the coordinator that the host was too late. */
  | 'reply_too_late'
  /** Tells the host that there is no such move. */
  | 'refuse_restored'
  /** Tells the host that it is too late. */
  | 'refuse_late_restored';

export interface TargetTransition {
  readonly phase: TargetPhase;
  readonly effects: readonly TargetEffect[];
}

/** The machine of a move at the broker of its target host. Pure, and defined for every event in every phase. */
export function stepTarget(phase: TargetPhase, event: TargetEvent): TargetTransition {
  switch (event.type) {
    case 'restored':
      return receiveRestored(phase, event.isLate);
    case 'refused':
      return phase === 'over' ? { phase, effects: [] } : { phase: 'over', effects: ['reply_refused'] };
    case 'finished':
      return { phase: 'over', effects: [] };
  }
}

function receiveRestored(phase: TargetPhase, isLate: boolean): TargetTransition {
  switch (phase) {
    case 'asked':
      return isLate
        ? { phase: 'over', effects: ['refuse_late_restored', 'reply_too_late'] }
        : { phase: 'restored', effects: ['reply_restored'] };
    // Hosts repeat an answer that they may have sent over a lost connection.
    case 'restored':
      return { phase, effects: [] };
    case 'over':
      return { phase, effects: ['refuse_restored'] };
  }
}
