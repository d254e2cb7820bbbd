/**
 * The phases of a play request:
 *
 * - `asking`: no answer yet.
 * - `queued`: in the queue of a broker.
 * - `offered`: a slot is reserved; the application has not said yet whether to take it.
 * - `accepting`: the application takes the slot.
 * - `matched`: there is a session.
 * - `requeued`: the session lost its slot before its host admitted the player, and waits in the queue again.
 * - `ending`: the player leaves the session.
 * - `cancelling`: the caller gave up.
 * - `over`: no more messages are expected.
 */
export type PlayPhase =
  'asking' | 'queued' | 'offered' | 'accepting' | 'matched' | 'requeued' | 'ending' | 'cancelling' | 'over';

/** The transitions of the machine. Tests compare them with the machine and with `PROTOCOL.md`; bundles leave them out. */
export const NEXT_PHASES = {
  asking: ['queued', 'offered', 'matched', 'cancelling', 'over'],
  queued: ['queued', 'offered', 'matched', 'cancelling', 'over'],
  offered: ['accepting', 'queued', 'matched', 'cancelling', 'over'],
  accepting: ['queued', 'matched', 'cancelling', 'over'],
  matched: ['requeued', 'ending', 'over'],
  requeued: ['matched', 'requeued', 'ending', 'over'],
  ending: ['matched', 'over'],
  cancelling: ['over'],
  over: [],
} as const satisfies Record<PlayPhase, readonly PlayPhase[]>;

/**
 * The message to the broker of each new connection, and after a pause:
 *
 * - `play`: the same message with the same `requestId`, so repeating it is safe. The answer gives the position in the queue,
 *   the offer or the session.
 * - `lookup`: `play` that neither waits nor replaces another session: only finds the session. In `ending`, `end` follows its
 *   answer: the broker accepts `end` only on a connection on which it has reported the session.
 * - `cancel`: again, because the first may have been lost.
 */
export const MESSAGE_BY_PHASE = {
  asking: 'play',
  queued: 'play',
  offered: 'play',
  accepting: 'play',
  matched: 'lookup',
  requeued: 'lookup',
  ending: 'lookup',
  cancelling: 'cancel',
  over: undefined,
} as const satisfies Record<PlayPhase, 'play' | 'lookup' | 'cancel' | undefined>;

/**
 * What the broker of this connection knows of the request:
 *
 * - `unsent`: nothing, like every broker.
 * - `lost`: nothing. Brokers of earlier connections, or earlier messages, may know it.
 * - `sent`: it was sent the message of the phase, and has not answered.
 * - `answered`: it has answered: it accepts `accept`, `end`, `signal` and `stay`.
 * - `paused`: it cannot answer at the moment. A timer runs until the next message.
 */
export type Contact = 'unsent' | 'lost' | 'sent' | 'answered' | 'paused';

/** The state of the machine of a play request. */
export interface PlayState {
  readonly phase: PlayPhase;
  readonly contact: Contact;
  /** Of the session that `play()` resolved to. */
  readonly sessionId?: string;
}

/** The state before the first message. */
export const INITIAL_STATE: PlayState = { phase: 'asking', contact: 'unsent' };

/** The caller still waits for a session, and may give up. */
export function isPending({ phase }: PlayState): boolean {
  return MESSAGE_BY_PHASE[phase] === 'play';
}

/** The player has a session, and wants to keep it. */
export function hasSession({ phase }: PlayState): boolean {
  return phase === 'matched' || phase === 'requeued';
}

/** The broker has to learn that the player gives up a slot or position, before it can give the player another one. */
export function isLeaving({ phase }: PlayState): boolean {
  return phase === 'ending' || phase === 'cancelling';
}

/** The message of the phase waits for a connection. */
export function isUnsent({ phase, contact }: PlayState): boolean {
  return phase !== 'over' && (contact === 'unsent' || contact === 'lost');
}
