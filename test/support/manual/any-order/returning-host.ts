import { ENDED_KEPT_MS } from '@duskline/server/store/fleet-store.js';
import type { ManualFleet } from '../manual-fleet.js';
import type { ManualHost, ManualReservation } from '../manual-peers.js';

/** A host with one slot, whose connection may be lost and opened again. */
export class ReturningHost {
  readonly hostId: string;
  readonly #fleet: ManualFleet;
  readonly #hasTicket: (sessionId: string, epoch: number) => boolean;
  #connection: ManualHost;
  /** When its connection was lost or fell silent; `null` while it is well. */
  #awaySinceMs: number | null = null;

  private constructor(
    fleet: ManualFleet,
    hostId: string,
    connection: ManualHost,
    hasTicket: (sessionId: string, epoch: number) => boolean,
  ) {
    this.#fleet = fleet;
    this.hostId = hostId;
    this.#connection = connection;
    this.#hasTicket = hasTicket;
  }

  /** @param hasTicket whether a client has a ticket for that assignment */
  static async start(
    fleet: ManualFleet,
    { hostId, broker }: { readonly hostId: string; readonly broker: number },
    hasTicket: (sessionId: string, epoch: number) => boolean,
  ): Promise<ReturningHost> {
    return new ReturningHost(fleet, hostId, await fleet.host({ hostId, slots: 1 }, broker), hasTicket);
  }

  /** Sessions and reservations that the host has. */
  get held(): readonly { readonly sessionId: string; readonly epoch: number }[] {
    return [...this.#reservations, ...this.#connection.sessions.values()];
  }

  /** A host drops a reservation by itself when nobody has shown its ticket. */
  get #reservations(): readonly ManualReservation[] {
    const nowMs = this.#fleet.clock.monotonicMs();
    return [...this.#connection.prepared.values()].filter(({ claimByMs }) => nowMs < claimByMs);
  }

  /** Whether it has a connection and sends heartbeats. */
  get isWell(): boolean {
    return this.#connection.channel.open && this.#awaySinceMs === null;
  }

  /** Admits a client that has a ticket, if its slot is free. */
  claim(): void {
    const claimed = this.#reservations.find(({ sessionId, epoch }) => this.#hasTicket(sessionId, epoch));
    if (claimed !== undefined && this.#connection.sessions.size === 0)
      this.#connection.claim(claimed.sessionId);
  }

  report(state: 'connected' | 'disconnected'): void {
    for (const { sessionId, epoch } of [...this.#connection.sessions.values()])
      this.#connection.report(sessionId, epoch, state);
  }

  endSession(): void {
    for (const sessionId of [...this.#connection.sessions.keys()]) this.#connection.end(sessionId);
  }

  cut(): void {
    this.#awaySinceMs ??= this.#fleet.clock.monotonicMs();
    this.#connection.channel.close();
  }

  fallSilent(): void {
    this.#awaySinceMs ??= this.#fleet.clock.monotonicMs();
    this.#connection.fallSilent();
  }

  /**
   * Closes its connection, and opens a new one, on which the host registers.
   *
   * @param mayKeep whether it still has its sessions and reservations, unless it was away for so long that the store has forgotten
   *   their ends: the store then takes a session over from its host, and no broker can know that its player has left it
   */
  returnTo(broker: number, mayKeep: boolean): void {
    const { prepared, sessions } = this.#connection;
    this.cut();
    const awayMs = this.#fleet.clock.monotonicMs() - (this.#awaySinceMs ?? 0);
    const keepsSessions = mayKeep && awayMs < ENDED_KEPT_MS;
    const options = { hostId: this.hostId, slots: 1, sessions: keepsSessions ? [...sessions.values()] : [] };
    const connection = this.#fleet.createHost(options, broker);
    if (keepsSessions) for (const [id, one] of prepared) connection.prepared.set(id, one);
    this.#connection = connection;
    this.#awaySinceMs = null;
    // The store is away, or the broker has closed the connection.
    connection.register(options).catch(() => connection.channel.close());
  }
}
