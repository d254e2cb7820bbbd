import { regionPoolName } from '@duskline/server/domain/catalog.js';
import type { MoveAction } from '@duskline/server/domain/rebalance/actions/rebalance-actions.js';
import { hostKey } from '@duskline/server/domain/rebalance/limits/hot-hosts.js';
import type {
  FleetSnapshot,
  HostSnapshot,
} from '@duskline/server/domain/rebalance/snapshot/fleet-snapshot.js';
import type { RebalanceLimits } from '@duskline/server/domain/rebalance/limits/rebalance-limits.js';
import { expect } from 'chai';

const ROUNDING = 1e-9;

/**
 * Executes the moves of a plan one after the other, each reserving the target slot before it frees the source slot, and
 * checks every rule of the store.
 */
export class CarriedOut {
  readonly #hosts: Map<string, HostSnapshot>;
  readonly #moved = new Set<string>();
  /** Chains with moves from or to each host. */
  readonly #chains = new Map<string, Set<number>>();
  /** The slot that the last move of the current chain has freed. */
  #freed: { readonly chain: number; readonly host: string } | null = null;
  readonly #served = new Set<string>();

  constructor(
    readonly snapshot: FleetSnapshot,
    private readonly limits: RebalanceLimits,
    /** Highest congestion of a target host in this kind of plan. */
    private readonly cap: number = limits.moveCap,
  ) {
    this.#hosts = new Map(snapshot.hosts.map((host) => [hostKey(host.regionPool, host.hostId), host]));
  }

  run(moves: readonly MoveAction[]): void {
    moves.forEach((move, i) => {
      this.#step(move);
      const next = moves[i + 1];
      if (next?.chain !== move.chain) this.#end(move);
    });
    for (const chains of this.#chains.values()) {
      expect(chains.size, 'moves at one host').to.be.at.most(this.limits.maxMovesPerHost);
    }
  }

  /** The fleet after the moves, without the players who were served. */
  get after(): FleetSnapshot {
    const waiting = this.snapshot.waiting.filter(({ sessionId }) => !this.#served.has(sessionId));
    return { ...this.snapshot, hosts: [...this.#hosts.values()], waiting };
  }

  #step(move: MoveAction): void {
    const session = this.snapshot.sessions.find(({ sessionId }) => sessionId === move.sessionId)!;
    expect(session.kind, move.sessionId).to.equal(move.isUnclaimed ? 'unclaimed' : 'movable');
    expect(this.#moved.has(session.sessionId), 'moved twice').to.be.false;
    expect(move.from).to.deep.equal({ regionPool: session.regionPool, hostId: session.hostId });
    const allowed = session.options.map((option) => regionPoolName(option.regionPool));
    expect(allowed).to.include(regionPoolName(move.to.regionPool));
    this.#moved.add(session.sessionId);

    const from = hostKey(move.from.regionPool, move.from.hostId);
    const to = hostKey(move.to.regionPool, move.to.hostId!);
    expect(to).to.not.equal(from);
    const target = this.#host(to);
    this.#expectUsable(target);
    expect(this.#host(from)).to.include({ state: 'ready', quarantined: false });
    expect(target.committed, 'slots in use').to.be.below(target.slots);
    expect(target.congestion).to.be.at.most(move.cap + ROUNDING);
    // Only a slot that the same chain has just freed may be on a warmer host.
    const isFreed = this.#freed?.chain === move.chain && this.#freed.host === to;
    expect(move.order > 0).to.equal(isFreed);
    expect(move.cap).to.be.at.most((isFreed ? this.limits.freedSlotCap : this.cap) + ROUNDING);
    this.#change(to, 1);
    this.#change(from, -1);
    this.#freed = { chain: move.chain, host: from };
    for (const host of [from, to]) {
      this.#chains.set(host, (this.#chains.get(host) ?? new Set<number>()).add(move.chain));
    }
  }

  /** The waiting player gets the slot that the chain has freed. */
  #end({ forWaiting, reason }: MoveAction): void {
    if (forWaiting === null) return;
    const waiting = this.snapshot.waiting.find(({ sessionId }) => sessionId === forWaiting)!;
    const host = this.#host(this.#freed!.host);
    const name = regionPoolName(host.regionPool);
    expect(waiting.options.map((option) => regionPoolName(option.regionPool))).to.include(name);
    expect(reason).to.deep.equal({ code: 'make_room', regionPool: host.regionPool });
    expect(host).to.include({ state: 'ready', open: true, heat: 'cool' });
    expect(this.#served.has(forWaiting), 'served twice').to.be.false;
    this.#served.add(forWaiting);
    this.#change(this.#freed!.host, 1);
  }

  #expectUsable(host: HostSnapshot): void {
    expect(host).to.include({ state: 'ready', open: true, heat: 'cool', quarantined: false });
  }

  #host(key: string): HostSnapshot {
    return this.#hosts.get(key)!;
  }

  #change(key: string, sessions: number): void {
    const host = this.#host(key);
    const committed = host.committed + sessions;
    expect(committed).to.be.within(0, host.slots);
    const congestion = host.congestion + sessions / host.slots;
    this.#hosts.set(key, { ...host, committed, congestion, load: host.load + sessions / host.slots });
  }
}
