import { INBOX_KEPT_MS, INBOX_MAX_BYTES, type InboxMessage } from '../../contracts/inbox.js';

interface Inbox {
  readonly firstAtMs: number;
  readonly messages: InboxMessage[];
  bytes: number;
}

/** The messages of one region pool, by the broker that they wait for. */
export class Inboxes {
  readonly #inboxes = new Map<string, Inbox>();

  /** Returns false, and drops the message, when it does not fit into that broker's inbox. */
  add(brokerId: string, message: InboxMessage, nowMs: number): boolean {
    const inbox = this.#inboxes.get(brokerId) ?? createInbox(nowMs);
    const bytes = inbox.bytes + sizeOf(message);
    if (bytes > INBOX_MAX_BYTES) return false;
    inbox.messages.push(message);
    inbox.bytes = bytes;
    this.#inboxes.set(brokerId, inbox);
    return true;
  }

  takeAll(brokerId: string): readonly InboxMessage[] {
    const messages = this.#inboxes.get(brokerId)?.messages ?? [];
    this.#inboxes.delete(brokerId);
    return messages;
  }

  hasMessages(brokerId: string): boolean {
    return this.#inboxes.has(brokerId);
  }

  get isEmpty(): boolean {
    return this.#inboxes.size === 0;
  }

  /** Deletes inboxes that their brokers did not read in time. */
  deleteExpired(nowMs: number): void {
    for (const [brokerId, { firstAtMs }] of this.#inboxes) {
      if (nowMs - firstAtMs > INBOX_KEPT_MS) this.#inboxes.delete(brokerId);
    }
  }
}

// Sizes are those of the lines that Redis stores, so that both stores have room for the same messages.

function createInbox(nowMs: number): Inbox {
  return { firstAtMs: nowMs, messages: [], bytes: `${nowMs};`.length };
}

function sizeOf(message: InboxMessage): number {
  if (message.kind === 'control') return Buffer.byteLength(`*||0|${message.body}\n`);
  const { toHostId, sessionId, epoch, body } = message;
  return Buffer.byteLength(`${toHostId ?? ''}|${sessionId}|${epoch}|${body}\n`);
}
