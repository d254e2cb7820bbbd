import type { HostCall, HostReply, HostRequest, ReservationClaim } from '../host-calls.js';

/** A host of this worker, with either driver. */
export interface LoadHost {
  readonly name: string;
  /** Resolves when a broker registered the host; rejects when a broker rejected it permanently. */
  readonly registered: Promise<void>;
  /** @returns whether the player was admitted, perhaps after it has waited for a slot */
  admitPlayer(claim: ReservationClaim): boolean | Promise<boolean>;
  /** Ends a session because its player left. @returns whether the host held the session at this epoch */
  endSession(sessionId: string, epoch: number): boolean;
  /** Sessions that the host holds, and those that it was prepared for. */
  listSessions(): readonly { readonly sessionId: string; readonly epoch: number }[];
  /** Cuts the connection without `leave`, as a host that was killed. */
  crash(): void;
  /** @param politely whether the host sends `leave` first */
  close(politely: boolean): Promise<void>;
}

/** Sends calls and replies to other workers, in batches. */
export interface HostCallTransport {
  sendCalls(calls: readonly HostCall[]): void;
  sendReplies(to: number, replies: readonly HostReply[]): void;
}

/** Connects players with the hosts they were matched with: hosts of this worker directly, others through their workers. */
export class HostCallRouter {
  readonly hosts = new Map<string, LoadHost>();
  readonly #index: number;
  readonly #owners: Readonly<Record<string, number>>;
  readonly #transport: HostCallTransport;
  readonly #pendingReplies = new Map<number, (done: boolean) => void>();
  readonly #killedHosts = new Set<string>();
  #calls: HostCall[] = [];
  #nextId = 0;

  constructor(index: number, owners: Readonly<Record<string, number>>, transport: HostCallTransport) {
    this.#index = index;
    this.#owners = owners;
    this.#transport = transport;
  }

  /** Whether the host belongs to this run. Players cannot reach other hosts. */
  hasHost(host: string): boolean {
    return this.#owners[host] !== undefined;
  }

  isKilled(host: string): boolean {
    return this.#killedHosts.has(host);
  }

  /** @param done called with the host's reply; with `false` for a host that was killed or does not belong to the run */
  callHost(host: string, request: HostRequest, done: (done: boolean) => void): void {
    const owner = this.#owners[host];
    if (owner === undefined || this.#killedHosts.has(host)) {
      done(false);
    } else if (owner === this.#index) {
      whenDone(this.#callLocalHost(host, request), done);
    } else {
      const id = this.#nextId;
      this.#nextId += 1;
      this.#pendingReplies.set(id, done);
      if (this.#calls.length === 0) setImmediate(() => this.#sendPendingCalls());
      this.#calls.push({ from: this.#index, id, host, ...request });
    }
  }

  /** Handles calls from players of other workers. */
  handleCalls(calls: readonly HostCall[]): void {
    const replies = new Map<number, HostReply[]>();
    let isBatched = true;
    for (const call of calls) {
      const { from, id, host } = call;
      whenDone(this.#callLocalHost(host, call), (done) => {
        if (!isBatched) {
          this.#transport.sendReplies(from, [{ id, done }]);
          return;
        }
        const list = replies.get(from) ?? [];
        replies.set(from, list);
        list.push({ id, done });
      });
    }
    isBatched = false;
    for (const [to, list] of replies) this.#transport.sendReplies(to, list);
  }

  handleReplies(replies: readonly HostReply[]): void {
    for (const { id, done } of replies) {
      this.#pendingReplies.get(id)?.(done);
      this.#pendingReplies.delete(id);
    }
  }

  /** Marks a host as killed, and crashes it when it belongs to this worker. */
  killHost(name: string): void {
    this.#killedHosts.add(name);
    this.hosts.get(name)?.crash();
  }

  #callLocalHost(name: string, request: HostRequest): boolean | Promise<boolean> {
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

/** Calls `done` at once with a reply that is known already. */
function whenDone(reply: boolean | Promise<boolean>, done: (done: boolean) => void): void {
  if (typeof reply === 'boolean') done(reply);
  else void reply.then(done);
}
