/**
 * The phases of a play request:
 *
 * - `asking`: no answer yet.
 * - `queued`: in the queue of a broker.
 * - `offered`: a slot is reserved; the application has not said yet whether to take it.
 * - `accepting`: the application takes the slot; `accept` was sent.
 * - `held`: there is a session.
 * - `ending`: the player leaves the session; `end` was sent.
 * - `cancelling`: the caller gave up; `cancel` was sent.
 * - `over`: no more messages are expected.
 */
export type PlayPhase =
  'asking' | 'queued' | 'offered' | 'accepting' | 'held' | 'ending' | 'cancelling' | 'over';

interface PhaseRow {
  readonly next: readonly PlayPhase[];
  /**
   * The message to a broker on entering the phase, and again after each `welcome`:
   *
   * - `play`: the same message with the same `requestId`, so repeating it is safe. The answer gives the position in the queue,
   *   the offer or the session.
   * - `lookup`: `play` that neither waits nor replaces another session: only finds the session.
   * - `end`: the session must be attached to the connection first, so after a reconnect `lookup` is sent, and `end` after its
   *   answer.
   * - `cancel`: again, because the first may have been lost.
   */
  readonly sends: 'play' | 'lookup' | 'end' | 'cancel' | 'nothing';
}

export const PLAY_PHASES = {
  asking: { next: ['queued', 'offered', 'held', 'cancelling', 'over'], sends: 'play' },
  queued: { next: ['queued', 'offered', 'held', 'cancelling', 'over'], sends: 'play' },
  offered: { next: ['accepting', 'queued', 'held', 'cancelling', 'over'], sends: 'play' },
  accepting: { next: ['queued', 'held', 'cancelling', 'over'], sends: 'play' },
  held: { next: ['ending', 'over'], sends: 'lookup' },
  ending: { next: ['held', 'over'], sends: 'end' },
  cancelling: { next: ['over'], sends: 'cancel' },
  over: { next: [], sends: 'nothing' },
} as const satisfies Record<PlayPhase, PhaseRow>;

export function isPhaseTransition(from: PlayPhase, to: PlayPhase): boolean {
  return (PLAY_PHASES[from].next as readonly PlayPhase[]).includes(to);
}

/** The caller still waits for a session, and may give up. */
export function isPending(phase: PlayPhase): boolean {
  return isPhaseTransition(phase, 'cancelling');
}
