/**
 * Where a `play` stands, from the first time it is sent until its session is over:
 *
 * - `asking`: no answer yet.
 * - `queued`: it waits, and its broker knows.
 * - `offered`: a slot is held for it, and the player has not said whether to take it.
 * - `accepting`: the player wants the slot; `accept` is on its way.
 * - `held`: it became a session.
 * - `ending`: the player leaves that session.
 * - `cancelling`: the player does not want it any more.
 * - `over`: nothing is to come.
 */
export type PlayPhase =
  'asking' | 'queued' | 'offered' | 'accepting' | 'held' | 'ending' | 'cancelling' | 'over';

interface PhaseRow {
  readonly next: readonly PlayPhase[];
  /**
   * What a broker is told after each `welcome`, which depends on nothing but the phase:
   *
   * - `play`: the same frame with the same `requestId`, which makes repeating it safe. The answer tells what
   *   became of the place in the queue, or of the offer.
   * - `return`: `play` as well, but only to find what it led to: never to wait, never at another session's cost.
   * - `end`: the same, and `end` after its answer: a broker ends only what it gave to this very connection.
   * - `cancel`: once more, in case the first was lost.
   */
  readonly sends: 'play' | 'return' | 'end' | 'cancel' | 'nothing';
}

export const PLAY_PHASES = {
  asking: { next: ['queued', 'offered', 'held', 'cancelling', 'over'], sends: 'play' },
  queued: { next: ['queued', 'offered', 'held', 'cancelling', 'over'], sends: 'play' },
  offered: { next: ['accepting', 'queued', 'held', 'cancelling', 'over'], sends: 'play' },
  accepting: { next: ['queued', 'held', 'cancelling', 'over'], sends: 'play' },
  held: { next: ['ending', 'over'], sends: 'return' },
  ending: { next: ['held', 'over'], sends: 'end' },
  cancelling: { next: ['over'], sends: 'cancel' },
  over: { next: [], sends: 'nothing' },
} as const satisfies Record<PlayPhase, PhaseRow>;

export function isPhaseTransition(from: PlayPhase, to: PlayPhase): boolean {
  return (PLAY_PHASES[from].next as readonly PlayPhase[]).includes(to);
}

/** Neither a session nor refused: its caller still waits for the answer, and may take it back. */
export function isPending(phase: PlayPhase): boolean {
  return isPhaseTransition(phase, 'cancelling');
}
