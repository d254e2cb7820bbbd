/**
 * The phase of a move at the broker of its source host.
 *
 * - `asked`: the host was asked for its checkpoint.
 * - `storing`: the host has paused the session, and the store gets the checkpoint.
 * - `paused`: the coordinator knows of the checkpoint.
 * - `over`: the host continues the session, has ended it, or refused to hand it over. Whatever comes later changes nothing.
 */
export type SourcePhase = 'asked' | 'storing' | 'paused' | 'over';

export type SourceEvent =
  /** The host sent its checkpoint. */
  | { readonly type: 'checkpoint_received'; readonly isLate: boolean }
  | { readonly type: 'checkpoint_stored' }
  | { readonly type: 'checkpoint_not_stored' }
  /** The host sent `cannot_move`. */
  | { readonly type: 'refused' }
  /** The coordinator cancelled the move. `isThisMove`: this one, and not one before or after it. */
  | { readonly type: 'resume_ordered'; readonly isThisMove: boolean }
  /** The session is on the target host, or has ended. */
  | { readonly type: 'session_left' }
  /** The coordinator has not been heard of for too long. `found`: where the store has the session. */
  | { readonly type: 'overdue'; readonly found: 'arriving' | 'moved' | 'stayed' };

/** What the broker does about a move of one of its hosts. */
export type SourceEffect =
  | 'store_checkpoint'
  | 'reply_checkpoint'
  /** Tells the coordinator that the source host does not hand the session over. */
  | 'reply_refused'
  /** Tells the host that there is no such move. */
  | 'refuse_checkpoint'
  /** Tells the host that it is too late. */
  | 'refuse_late_checkpoint'
  | 'send_resume'
  /** Tells the host that the session is on another host. */
  | 'send_moved_away';

export interface SourceTransition {
  readonly phase: SourcePhase;
  readonly effects: readonly SourceEffect[];
}

/** The machine of a move at the broker of its source host. Pure, and defined for every event in every phase. */
export function stepSource(phase: SourcePhase, event: SourceEvent): SourceTransition {
  const isRunning = phase !== 'over';
  const stay: SourceTransition = { phase, effects: [] };
  switch (event.type) {
    case 'checkpoint_received':
      if (phase !== 'asked') return { phase, effects: ['refuse_checkpoint'] };
      return event.isLate
        ? { phase: 'over', effects: ['refuse_late_checkpoint'] }
        : { phase: 'storing', effects: ['store_checkpoint'] };
    case 'checkpoint_stored':
      return phase === 'storing' ? { phase: 'paused', effects: ['reply_checkpoint'] } : stay;
    case 'checkpoint_not_stored':
      return phase === 'storing' ? { phase: 'over', effects: ['reply_refused'] } : stay;
    case 'refused':
      return isRunning ? { phase: 'over', effects: ['reply_refused'] } : stay;
    case 'resume_ordered':
      return isRunning && event.isThisMove ? { phase: 'over', effects: ['send_resume'] } : stay;
    case 'session_left':
      return isRunning ? { phase: 'over', effects: [] } : stay;
    case 'overdue':
      return isRunning ? stepOverdue(phase, event.found) : stay;
  }
}

/** The target host may still admit the client: the target reservation expires by the store's clock, so a later check ends the move. */
function stepOverdue(
  phase: Exclude<SourcePhase, 'over'>,
  found: 'arriving' | 'moved' | 'stayed',
): SourceTransition {
  switch (found) {
    case 'arriving':
      return { phase, effects: [] };
    case 'moved':
      return { phase: 'over', effects: ['send_moved_away'] };
    case 'stayed':
      return { phase: 'over', effects: phase === 'asked' ? [] : ['send_resume'] };
  }
}
