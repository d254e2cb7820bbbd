import type { ServerClock } from '../../runtime/runtime.js';
import type { MoveParty, MoveReply } from '../messaging/control-messages.js';

/** The replies to one move that its coordinator has received and not handled yet. */
export class MoveReplies {
  readonly #received: MoveReply[] = [];
  #lostSlot: MoveReply | undefined;
  #wake: (() => void) | undefined;

  constructor(
    readonly toEpoch: number,
    private readonly clock: Pick<ServerClock, 'setTimer'>,
  ) {}

  add(reply: MoveReply): void {
    this.#received.push(reply);
    this.#wake?.();
  }

  /** The slot on the target host is gone. A party that gave it up says why: its reply counts, also if it comes right after this. */
  loseSlot(reason: string): void {
    this.#lostSlot = { kind: 'refused', by: 'target', reason };
    this.#wake?.();
  }

  /**
   * Waits for the next reply, of any party, or until the slot is lost.
   *
   * @param by the party that has to reply; it counts as the one that refused if no reply comes in time
   */
  async waitForNext(by: MoveParty, withinMs: number): Promise<MoveReply> {
    if (this.#received.length === 0 && this.#lostSlot === undefined) {
      await new Promise<void>((resolve) => {
        const cancelTimer = this.clock.setTimer(resolve, withinMs);
        this.#wake = () => {
          cancelTimer();
          resolve();
        };
      });
      this.#wake = undefined;
    }
    return this.#received.shift() ?? this.#lostSlot ?? { kind: 'refused', by, reason: 'no reply in time' };
  }
}
