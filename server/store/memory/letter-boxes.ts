import { LETTERS_MAX_BYTES, MAIL_KEPT_MS, type BrokerPost } from '../fleet-store.js';

interface LetterBox {
  readonly firstAtMs: number;
  readonly letters: BrokerPost[];
  bytes: number;
}

/** The letters of one place, by the broker they wait for. */
export class LetterBoxes {
  readonly #boxes = new Map<string, LetterBox>();

  /** False when so much waits for that broker that nothing more fits. */
  post(brokerId: string, letter: BrokerPost, nowMs: number): boolean {
    const box = this.#boxes.get(brokerId) ?? emptyBox(nowMs);
    const bytes = box.bytes + sizeOf(letter);
    if (bytes > LETTERS_MAX_BYTES) return false;
    box.letters.push(letter);
    box.bytes = bytes;
    this.#boxes.set(brokerId, box);
    return true;
  }

  take(brokerId: string): readonly BrokerPost[] {
    const letters = this.#boxes.get(brokerId)?.letters ?? [];
    this.#boxes.delete(brokerId);
    return letters;
  }

  has(brokerId: string): boolean {
    return this.#boxes.has(brokerId);
  }

  get isEmpty(): boolean {
    return this.#boxes.size === 0;
  }

  /** Throws away what nobody fetched. */
  forget(nowMs: number): void {
    for (const [brokerId, { firstAtMs }] of this.#boxes) {
      if (nowMs - firstAtMs > MAIL_KEPT_MS) this.#boxes.delete(brokerId);
    }
  }
}

// Sizes are those of the lines that Redis keeps, so that both stores have room for the same letters.

function emptyBox(nowMs: number): LetterBox {
  return { firstAtMs: nowMs, letters: [], bytes: `${nowMs};`.length };
}

function sizeOf(post: BrokerPost): number {
  if (post.kind === 'word') return Buffer.byteLength(`*||0|${post.body}\n`);
  const { toHostId, sessionId, epoch, body } = post;
  return Buffer.byteLength(`${toHostId ?? ''}|${sessionId}|${epoch}|${body}\n`);
}
