/** What players and hosts of a run say to each other without a broker: in place of the stream's sockets. */
export type HostCall = { readonly from: number; readonly id: number; readonly host: string } & HostRequest;

export type HostRequest =
  | { readonly kind: 'show'; readonly claim: Claim }
  | { readonly kind: 'bye'; readonly sessionId: string; readonly epoch: number };

/** A player shows its ticket. */
export interface Claim {
  readonly ticket: string;
  readonly sessionId: string;
  readonly epoch: number;
  readonly player: string;
}

export interface HostReply {
  readonly id: number;
  readonly done: boolean;
}

/** A host of this worker, whoever drives it. */
export interface LoadHost {
  readonly name: string;
  /** Resolves when it is registered; rejects when it never will be. */
  readonly registered: Promise<void>;
  /** Whether the player is let in. */
  admit(claim: Claim): boolean;
  /** The player leaves. Whether the session was here. */
  leave(sessionId: string, epoch: number): boolean;
  /** What it holds and what is reserved on it. */
  sessions(): readonly { readonly sessionId: string; readonly epoch: number }[];
  /** Gone without a word. */
  crash(): void;
  close(politely: boolean): Promise<void>;
}

/** Sends calls and replies on, many at a time. */
export interface DeskWire {
  calls(calls: readonly HostCall[]): void;
  replies(to: number, replies: readonly HostReply[]): void;
}

/** Brings players to the hosts they were matched with: those of this worker directly, the others by way of their own. */
export class HostDesk {
  readonly hosts = new Map<string, LoadHost>();
  readonly #index: number;
  readonly #owners: Readonly<Record<string, number>>;
  readonly #wire: DeskWire;
  readonly #asked = new Map<number, (done: boolean) => void>();
  readonly #gone = new Set<string>();
  #calls: HostCall[] = [];
  #nextId = 0;

  constructor(index: number, owners: Readonly<Record<string, number>>, wire: DeskWire) {
    this.#index = index;
    this.#owners = owners;
    this.#wire = wire;
  }

  /** Whether the run plays this host; else nobody can be let in there. */
  plays(host: string): boolean {
    return this.#owners[host] !== undefined;
  }

  /** Whether the host was killed. */
  isGone(host: string): boolean {
    return this.#gone.has(host);
  }

  /** @param done whether the host did it; a host that is gone, or that nobody plays, did not */
  call(host: string, request: HostRequest, done: (done: boolean) => void): void {
    const owner = this.#owners[host];
    if (owner === undefined || this.#gone.has(host)) {
      done(false);
    } else if (owner === this.#index) {
      done(this.#serve(host, request));
    } else {
      const id = this.#nextId;
      this.#nextId += 1;
      this.#asked.set(id, done);
      if (this.#calls.length === 0) setImmediate(() => this.#flush());
      this.#calls.push({ from: this.#index, id, host, ...request });
    }
  }

  /** Calls of players of other workers. */
  answer(calls: readonly HostCall[]): void {
    const replies = new Map<number, HostReply[]>();
    for (const call of calls) {
      const list = replies.get(call.from) ?? [];
      replies.set(call.from, list);
      list.push({ id: call.id, done: this.#serve(call.host, call) });
    }
    for (const [to, list] of replies) this.#wire.replies(to, list);
  }

  replied(replies: readonly HostReply[]): void {
    for (const { id, done } of replies) {
      this.#asked.get(id)?.(done);
      this.#asked.delete(id);
    }
  }

  /** A host is gone, of this worker or another. */
  kill(name: string): void {
    this.#gone.add(name);
    this.hosts.get(name)?.crash();
  }

  #serve(name: string, request: HostRequest): boolean {
    const host = this.#gone.has(name) ? undefined : this.hosts.get(name);
    if (host === undefined) return false;
    return request.kind === 'show' ? host.admit(request.claim) : host.leave(request.sessionId, request.epoch);
  }

  #flush(): void {
    const calls = this.#calls;
    this.#calls = [];
    this.#wire.calls(calls);
  }
}
