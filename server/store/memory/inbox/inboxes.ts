import { INBOX_MAX_BYTES, INBOX_KEPT_MS, type InboxMessage } from '../../fleet-store.js';

interface Inbox {
  readonly firstAtMs: number;
  readonly messages: InboxMessage[];
  bytes: number;
}

/** The letters of one place, by the broker they wait for. */
export class Inboxes {
  readonly #inboxes = new Map<string, Inbox>();

  /** False when so much waits for that broker that nothing more fits. */
  add(brokerId: string, letter: InboxMessage, nowMs: number): boolean {
    const box = this.#inboxes.get(brokerId) ?? createInbox(nowMs);
    const bytes = box.bytes + sizeOf(letter);
    if (bytes > INBOX_MAX_BYTES) return false;
    box.messages.push(letter);
    box.bytes = bytes;
    this.#inboxes.set(brokerId, box);
    return true;
  }

  takeAll(brokerId: string): readonly InboxMessage[] {
    const letters = this.#inboxes.get(brokerId)?.messages ?? [];
    this.#inboxes.delete(brokerId);
    return letters;
  }

  hasMessages(brokerId: string): boolean {
    return this.#inboxes.has(brokerId);
  }

  get isEmpty(): boolean {
    return this.#inboxes.size === 0;
  }

  /** Throws away what nobody fetched. */
  deleteExpired(nowMs: number): void {
    for (const [brokerId, { firstAtMs }] of this.#inboxes) {
      if (nowMs - firstAtMs > INBOX_KEPT_MS) this.#inboxes.delete(brokerId);
    }
  }
}

// Sizes are those of the lines that Redis keeps, so that both stores have room for the same letters.

function createInbox(nowMs: number): Inbox {
  return { firstAtMs: nowMs, messages: [], bytes: `${nowMs};`.length };
}

function sizeOf(post: InboxMessage): number {
  if (post.kind === 'control') return Buffer.byteLength(`*||0|${post.body}\n`);
  const { toHostId, sessionId, epoch, body } = post;
  return Buffer.byteLength(`${toHostId ?? ''}|${sessionId}|${epoch}|${body}\n`);
}
