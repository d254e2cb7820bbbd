import type { HostCall, HostReply, HostRequest, ReservationClaim } from '../host-calls.js';

/** A host of this worker, whoever drives it. */
export interface LoadHost {
  readonly name: string;
  /** Resolves when it is registered; rejects when it never will be. */
  readonly registered: Promise<void>;
  /** Whether the player is let in. */
  admitPlayer(claim: ReservationClaim): boolean;
  /** The player leaves. Whether the session was here. */
  endSession(sessionId: string, epoch: number): boolean;
  /** What it holds and what is reserved on it. */
  listSessions(): readonly { readonly sessionId: string; readonly epoch: number }[];
  /** Gone without a word. */
  crash(): void;
  close(politely: boolean): Promise<void>;
}

/** Sends calls and replies on, many at a time. */
export interface HostCallTransport {
  sendCalls(calls: readonly HostCall[]): void;
  sendReplies(to: number, replies: readonly HostReply[]): void;
}

/** Brings players to the hosts they were matched with: those of this worker directly, the others by way of their own. */
export class HostCallRouter {
  readonly hosts = new Map<string, LoadHost>();
  readonly #index: number;
  readonly #owners: Readonly<Record<string, number>>;
  readonly #transport: HostCallTransport;
  readonly #pendingReplies = new Map<number, (done: boolean) => void>();
  readonly #killedHosts = new Set<string>();
  #calls: HostCall[] = [];
  #nextId = 0;

  constructor(index: number, owners: Readonly<Record<string, number>>, wire: HostCallTransport) {
    this.#index = index;
    this.#owners = owners;
    this.#transport = wire;
  }

  /** Whether the run plays this host; else nobody can be let in there. */
  hasHost(host: string): boolean {
    return this.#owners[host] !== undefined;
  }

  /** Whether the host was killed. */
  isKilled(host: string): boolean {
    return this.#killedHosts.has(host);
  }

  /** @param done whether the host did it; a host that is gone, or that nobody plays, did not */
  callHost(host: string, request: HostRequest, done: (done: boolean) => void): void {
    const owner = this.#owners[host];
    if (owner === undefined || this.#killedHosts.has(host)) {
      done(false);
    } else if (owner === this.#index) {
      done(this.#callLocalHost(host, request));
    } else {
      const id = this.#nextId;
      this.#nextId += 1;
      this.#pendingReplies.set(id, done);
      if (this.#calls.length === 0) setImmediate(() => this.#sendPendingCalls());
      this.#calls.push({ from: this.#index, id, host, ...request });
    }
  }

  /** Calls of players of other workers. */
  handleCalls(calls: readonly HostCall[]): void {
    const replies = new Map<number, HostReply[]>();
    for (const call of calls) {
      const list = replies.get(call.from) ?? [];
      replies.set(call.from, list);
      list.push({ id: call.id, done: this.#callLocalHost(call.host, call) });
    }
    for (const [to, list] of replies) this.#transport.sendReplies(to, list);
  }

  handleReplies(replies: readonly HostReply[]): void {
    for (const { id, done } of replies) {
      this.#pendingReplies.get(id)?.(done);
      this.#pendingReplies.delete(id);
    }
  }

  /** A host is gone, of this worker or another. */
  killHost(name: string): void {
    this.#killedHosts.add(name);
    this.hosts.get(name)?.crash();
  }

  #callLocalHost(name: string, request: HostRequest): boolean {
    const host = this.#killedHosts.has(name) ? undefined : this.hosts.get(name);
    if (host === undefined) return false;
    return request.kind === 'show'
      ? host.admitPlayer(request.claim)
      : host.endSession(request.sessionId, request.epoch);
  }

  #sendPendingCalls(): void {
    const calls = this.#calls;
    this.#calls = [];
    this.#transport.sendCalls(calls);
  }
}
