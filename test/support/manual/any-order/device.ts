import type { Play } from '@duskline/protocol';
import type { ManualFleet } from '../manual-fleet.js';
import type { ManualPlayer } from '../manual-peers.js';
import type { Frame } from '../recording-channel.js';

/**
 * What the connection of a device knows of a request:
 *
 * - `asking`: it has sent `play`, and has no answer.
 * - `matched`: it was told a session.
 * - `over`: it was told the last word.
 */
type Knowledge = 'asking' | 'matched' | 'over';

/** A session of which a connection was told. */
interface KnownSession {
  readonly sessionId: string;
  readonly epoch: number;
  readonly isLive: boolean;
}

/** One connection of a player's device. It notes each answer that the protocol does not allow. */
export class Device {
  readonly problems: string[] = [];
  readonly name: string;
  readonly playerId: string;
  readonly broker: number;
  readonly #player: ManualPlayer;
  readonly #onFrame: (frame: Frame) => void;
  readonly #requests = new Map<string, Knowledge>();
  readonly #sessions = new Map<string, KnownSession>();
  /** Number of `cancel` without an answer, by request. */
  readonly #cancels = new Map<string, number>();

  constructor(
    fleet: ManualFleet,
    { name, playerId, broker }: { readonly name: string; readonly playerId: string; readonly broker: number },
    onFrame: (frame: Frame) => void,
  ) {
    this.name = `${name} on broker ${broker}`;
    this.playerId = playerId;
    this.broker = broker;
    this.#onFrame = onFrame;
    this.#player = fleet.player(playerId, broker, (frame) => this.#receive(frame));
  }

  get isOpen(): boolean {
    return this.#player.channel.open;
  }

  /** Requests without an answer. */
  get asking(): readonly string[] {
    return [...this.#requests].flatMap(([requestId, known]) => (known === 'asking' ? [requestId] : []));
  }

  /** Requests whose `cancel` has no answer. */
  get cancelling(): readonly string[] {
    return [...this.#cancels].flatMap(([requestId, open]) => (open > 0 ? [requestId] : []));
  }

  get sessions(): readonly KnownSession[] {
    return [...this.#sessions.values()];
  }

  knows(requestId: string): Knowledge | undefined {
    return this.#requests.get(requestId);
  }

  /**
   * Sends `play`, unless the request is being cancelled here, which is against the protocol, or has its session here: a client finds
   * that again only after it has reconnected.
   *
   * @returns whether it was sent
   */
  play(requestId: string, change: Partial<Play>): boolean {
    if (!this.isOpen || this.cancelling.includes(requestId) || this.knows(requestId) === 'matched')
      return false;
    this.#requests.set(requestId, 'asking');
    this.#player.play(requestId, change);
    return true;
  }

  cancel(requestId: string): boolean {
    if (!this.isOpen) return false;
    this.#cancels.set(requestId, (this.#cancels.get(requestId) ?? 0) + 1);
    this.#player.cancel(requestId);
    return true;
  }

  accept(requestId: string): void {
    if (this.isOpen) this.#player.accept(requestId);
  }

  /** Ends the session of which the connection was told last. */
  endLast(): void {
    const last = this.sessions.at(-1);
    if (this.isOpen && last !== undefined) this.#player.end(last.sessionId);
  }

  close(): void {
    this.#player.channel.close();
  }

  #receive(frame: Frame): void {
    this.#onFrame(frame);
    const { type, requestId, sessionId, epoch } = frame as unknown as FrameFields;
    if (type === 'matched') this.#learnSession(sessionId, epoch, true);
    if (type === 'session') this.#learnSession(sessionId, epoch, frame['state'] !== 'ended');
    if (type === 'replaced') this.#sessions.delete(sessionId);
    if (requestId !== undefined) this.#learnAnswer(requestId, frame);
  }

  #learnSession(sessionId: string, epoch: number, isLive: boolean): void {
    if (epoch < (this.#sessions.get(sessionId)?.epoch ?? 0)) return;
    this.#sessions.delete(sessionId);
    this.#sessions.set(sessionId, { sessionId, epoch, isLive });
  }

  #learnAnswer(requestId: string, frame: Frame): void {
    const isLastWord = frame.type === 'replaced' || (frame.type === 'error' && frame['code'] !== 'NO_OFFER');
    if (frame.type === 'error' && frame['inReplyTo'] === 'cancel') {
      const open = this.#cancels.get(requestId) ?? 0;
      if (open === 0) this.#note(frame, 'without a cancel');
      this.#cancels.set(requestId, open - 1);
    } else if (frame.type === 'error' && frame['inReplyTo'] === 'accept') {
      return;
    } else if (this.cancelling.includes(requestId)) {
      // Until `CANCELLED` the client ignores other messages about the request.
      return;
    } else if (this.#requests.get(requestId) === undefined) {
      this.#note(frame, 'about a request that was not sent here');
    } else if (this.#requests.get(requestId) === 'over' && frame['code'] !== 'NO_OFFER') {
      this.#note(frame, 'after the last word');
    }
    if (frame.type === 'matched') this.#requests.set(requestId, 'matched');
    if (isLastWord) this.#requests.set(requestId, 'over');
  }

  #note(frame: Frame, what: string): void {
    this.problems.push(`${this.name}: ${frame.type} of ${String(frame['requestId'])} ${what}`);
  }
}

interface FrameFields {
  readonly type: string;
  readonly requestId?: string;
  readonly sessionId: string;
  readonly epoch: number;
}
