import type { RegionPool } from '../../catalog.js';
import { CoolestHosts } from './coolest-hosts.js';
import type { PlannedHost } from './planned-host.js';

/** What narrows a plan, besides the limits. */
export interface PlanScope {
  /** No session is moved onto a host above this share. */
  readonly cap: number;
  readonly maxMovesPerHost: number;
  /** Hosts to which nothing is moved, whatever the picture says of them. */
  readonly excludes: (place: RegionPool, hostId: string) => boolean;
}

/** One place, with what the plan has done in it so far. */
export class PlannedRegionPool {
  readonly hosts: PlannedHost[] = [];
  /** Free slots that waiting players get without our doing: not for moves. */
  slotsKeptForWaiting = 0;
  /** Of the hosts that take players. */
  #slots = 0;
  #freeSlots = 0;
  #leaving = 0;
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
    this.#leaving += host.snapshot.outgoingMoves;
  }

  /** Slots that the store gives to players who ask or wait, those included that are being left now. */
  get slotsForPlayers(): number {
    return this.#freeSlots + this.#leaving;
  }

  /** Committed over slots, of the hosts that take players: 1 where there are none. */
  get utilisation(): number {
    return this.#slots === 0 ? 1 : 1 - this.#freeSlots / this.#slots;
  }

  /** Of the hosts that take players. */
  get slots(): number {
    return this.#slots;
  }

  /**
   * How many sessions can be moved here: waiting players come first.
   *
   * @param when `now`: as far as hosts can have more moves at a time
   */
  roomForMoves(when: 'now' | 'in all'): number {
    let room = 0;
    for (const host of this.hosts) {
      const roomAt = host.roomUnder(this.scope.cap);
      room += when === 'now' ? Math.min(roomAt, host.movesLeft) : roomAt;
    }
    return Math.max(0, Math.min(room, this.slotsForPlayers - this.slotsKeptForWaiting));
  }

  /** The coolest host that one more session can be moved to; `undefined` when waiting players get what is left. */
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
