import type { RegionPool } from '../../catalog.js';
import { CoolestHosts } from './coolest-hosts.js';
import type { PlannedHost } from './planned-host.js';

/** What a plan may use. */
export interface PlanScope {
  /** No session is moved onto a host whose congestion is above this share. */
  readonly cap: number;
  readonly maxMovesPerHost: number;
  /** Whether nothing may be moved to this host, such as a host of a drain's target. */
  readonly excludes: (regionPool: RegionPool, hostId: string) => boolean;
}

/** A region pool while a plan is being made: its hosts, and the slots that are left. */
export class PlannedRegionPool {
  readonly hosts: PlannedHost[] = [];
  /** Free slots that the store gives to waiting players by itself. Moves must not use them. */
  slotsKeptForWaiting = 0;
  /** These three count hosts that take players only. */
  #slots = 0;
  #freeSlots = 0;
  #slotsBeingFreed = 0;
  #coolest: CoolestHosts | undefined;

  constructor(
    readonly regionPool: RegionPool,
    readonly index: number,
    private readonly scope: PlanScope,
  ) {}

  addHost(host: PlannedHost): void {
    this.hosts.push(host);
    if (!host.takesPlayers) return;
    this.#slots += host.slots;
    this.#freeSlots += host.freeSlots;
    this.#slotsBeingFreed += host.snapshot.slotsBeingFreed;
  }

  /** Slots that the store can give to players: free ones, and those that sessions are leaving now. */
  get slotsForPlayers(): number {
    return this.#freeSlots + this.#slotsBeingFreed;
  }

  /** Committed slots over slots, of the hosts that take players; 1 if there are none. */
  get utilisation(): number {
    return this.#slots === 0 ? 1 : 1 - this.#freeSlots / this.#slots;
  }

  /** Slots of the hosts that take players. */
  get slots(): number {
    return this.#slots;
  }

  /**
   * How many sessions can be moved here, without the slots that are kept for waiting players.
   *
   * @param when `now` respects the maximum of moves per host at a time; `in all` ignores it
   */
  roomForMoves(when: 'now' | 'in all'): number {
    let room = 0;
    for (const host of this.hosts) {
      const roomAt = host.roomUnder(this.scope.cap);
      room += when === 'now' ? Math.min(roomAt, host.movesLeft) : roomAt;
    }
    return Math.max(0, Math.min(room, this.slotsForPlayers - this.slotsKeptForWaiting));
  }

  /** The least congested host that can take one more session; `undefined` if there is none. */
  coolestHost(): PlannedHost | undefined {
    if (this.slotsForPlayers <= this.slotsKeptForWaiting) return undefined;
    this.#coolest ??= new CoolestHosts(this.hosts, this.scope.cap);
    return this.#coolest.peek();
  }

  addSessionTo(host: PlannedHost): void {
    const change = host.changeSessions(1);
    if (host.takesPlayers) this.#freeSlots += change;
  }

  removeSessionFrom(host: PlannedHost): void {
    const change = host.changeSessions(-1);
    if (host.takesPlayers) this.#freeSlots += change;
  }
}
