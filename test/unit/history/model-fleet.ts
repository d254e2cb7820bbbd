import type { EndReason } from '@duskline/protocol/vocabulary';
import type { Bounds } from '@duskline/loadtest/history/check.js';
import { hostName, type FleetHost, type HistoryEvent } from '@duskline/loadtest/history/events.js';
import type { UntimedEvent } from '@duskline/loadtest/history/recorder.js';

/** Short bounds, so that a history of a few seconds has events of all kinds. */
export const MODEL_BOUNDS: Bounds = {
  heartbeatIntervalMs: 200,
  lostAfterMs: 1_000,
  sweepIntervalMs: 100,
  reservationMs: 3_000,
  answerWithinMs: 1_000,
  recoverWithinMs: 1_000,
  goneWithinMs: 2_000,
  handOverMs: 500,
  slackMs: 50,
  latencyPolicies: { starfall: [{ afterMs: 0, maxRttMs: 60 }] },
};

interface ModelHost {
  readonly slots: number;
  /** Why the host gets no new sessions. */
  readonly barred: Set<'silent' | 'cordoned'>;
}

interface ModelSession {
  readonly sessionId: string;
  readonly player: string;
  readonly requestId: string;
  epoch: number;
  host: string;
  /** Frames that the player has received. */
  count: number;
  /** When the session ends because its player never claims it; `null` for a claimed session. */
  readonly expiresAtMs: number | null;
}

const TITLE = 'starfall';
const RTT = { near: 20 };

/** A fleet without faults, which records the events that observers see. */
export class ModelFleet {
  readonly events: HistoryEvent[] = [];
  readonly hosts = new Map<string, ModelHost>();
  readonly sessions = new Map<string, ModelSession>();
  readonly #queue: { readonly player: string; readonly requestId: string }[] = [];
  #atMs = 0;
  #players = 0;

  record(seen: UntimedEvent): void {
    this.events.push({ atMs: this.#atMs, ...seen });
  }

  wait(ms: number): void {
    const untilMs = this.#atMs + ms;
    for (const session of [...this.sessions.values()]) {
      if (session.expiresAtMs === null || session.expiresAtMs > untilMs) continue;
      this.#atMs = Math.max(this.#atMs, session.expiresAtMs);
      this.#end(session, 'reservation_expired', 'broker');
    }
    this.#atMs = untilMs;
  }

  addHost(name: string, slots: number): void {
    const host = hostName('near', 'console-x', name);
    this.hosts.set(host, { slots, barred: new Set() });
    this.record({ type: 'host-registered', host, slots });
    this.#serve();
  }

  play(claims: boolean): void {
    this.#players += 1;
    const player = `p${this.#players}`;
    this.record({ type: 'connected', player });
    this.record({ type: 'requested', player, requestId: 'r', title: TITLE, rtt: RTT });
    this.wait(5);
    const host = this.#queue.length === 0 ? this.#room() : undefined;
    if (host === undefined) {
      this.#queue.push({ player, requestId: 'r' });
      this.record({ type: 'queued', player, requestId: 'r', position: this.#queue.length, region: 'near' });
    } else this.#match(player, host, claims);
  }

  /** The player repeats its request, as after a lost socket. */
  repeat(session: ModelSession): void {
    const { player, requestId } = session;
    this.record({ type: 'disconnected', player, code: 1006 });
    this.wait(5);
    this.record({ type: 'connected', player });
    this.record({ type: 'requested', player, requestId, title: TITLE, rtt: RTT });
    this.wait(5);
    if (this.sessions.has(session.sessionId)) this.#tellMatched(session);
    else this.record({ type: 'refused', player, requestId, code: 'SESSION_OVER' });
  }

  leave(session: ModelSession): void {
    this.record({ type: 'left', player: session.player, sessionId: session.sessionId });
    this.wait(5);
    this.#end(session, 'client_left', 'host');
  }

  /** The session is placed on another host with a free slot, if there is one, before it ends on the old one. */
  move(session: ModelSession): void {
    const to = this.#room(session.host);
    if (to === undefined || session.expiresAtMs !== null) return;
    const { sessionId, host: from, epoch: old } = session;
    session.host = to;
    session.epoch += 1;
    this.#prepare(session);
    this.#tellMatched(session);
    this.wait(20);
    this.#admit(session);
    this.wait(20);
    this.record({
      type: 'host-ended',
      host: from,
      sessionId,
      epoch: old,
      reason: 'superseded',
      by: 'broker',
    });
    this.#serve();
  }

  /**
   * A running session moves to another host with a free slot. If `arrives` is false, the move fails after the client was
   * admitted there.
   */
  moveLive(session: ModelSession, arrives: boolean): void {
    const to = this.#room(session.host);
    if (to === undefined || session.expiresAtMs !== null) return;
    const { sessionId, player, host: from, epoch: old } = session;
    const epoch = old + 1;
    this.show(session, 1, 2);
    this.record({ type: 'moving', player, sessionId, epoch, host: to });
    this.wait(5);
    this.record({ type: 'admitted', host: to, sessionId, epoch, player });
    this.wait(20);
    if (arrives) {
      session.host = to;
      session.epoch = epoch;
      this.record({ type: 'began', host: to, sessionId, epoch });
      this.record({ type: 'session-state', player, sessionId, epoch, state: 'active' });
      this.wait(5);
      this.show(session, 1, 2);
      this.record({
        type: 'host-ended',
        host: from,
        sessionId,
        epoch: old,
        reason: 'superseded',
        by: 'broker',
      });
      this.#serve();
    } else {
      this.record({ type: 'host-ended', host: to, sessionId, epoch, reason: 'move_failed', by: 'broker' });
      this.record({ type: 'resumed', host: from, sessionId, epoch: old });
      this.record({ type: 'session-state', player, sessionId, epoch: old, state: 'connected' });
      this.wait(5);
      this.show(session, 3, 4);
    }
  }

  /** The player receives frames with these numbers. */
  show(session: ModelSession, ...numbers: readonly number[]): void {
    const { sessionId, epoch, player, host } = session;
    for (const n of numbers) {
      session.count += 1;
      this.record({ type: 'frame-received', player, host, sessionId, epoch, n, count: session.count });
      this.wait(5);
    }
  }

  /** The host is silent for this time, which must be too short to count as lost. */
  hang(host: string, ms: number): void {
    this.hosts.get(host)?.barred.add('silent');
    this.record({ type: 'host-silent', host });
    this.wait(ms);
    this.record({ type: 'host-back', host });
    this.hosts.get(host)?.barred.delete('silent');
    this.#serve();
  }

  cordon(host: string): void {
    this.hosts.get(host)?.barred.add('cordoned');
    this.record({ type: 'host-state', host, state: 'cordoned' });
  }

  uncordon(host: string): void {
    this.record({ type: 'host-state', host, state: 'ready' });
    this.hosts.get(host)?.barred.delete('cordoned');
    this.#serve();
  }

  kill(host: string): void {
    this.record({ type: 'fault', fault: 'host-killed', target: host, lasts: false });
    this.record({ type: 'host-stopped', host, how: 'killed' });
    this.hosts.delete(host);
    this.wait(MODEL_BOUNDS.lostAfterMs + 300);
    this.record({ type: 'host-state', host, state: 'lost' });
    for (const session of [...this.sessions.values()]) {
      if (session.host === host) this.#end(session, 'host_lost', 'broker', false);
    }
  }

  killBroker(broker: string): void {
    this.record({ type: 'fault', fault: 'broker-killed', target: broker, lasts: false });
    this.wait(30);
    this.record({ type: 'broker-ready', broker, ready: true });
  }

  beat(): void {
    for (const host of this.hosts.keys()) {
      const sessions = this.#on(host)
        .filter(({ expiresAtMs }) => expiresAtMs === null)
        .map(({ sessionId, epoch }) => ({ sessionId, epoch, state: 'active' as const }));
      this.record({ type: 'heartbeat', host, sessions });
    }
  }

  recordSnapshot(): void {
    const hosts = [...this.hosts].map(([host, { slots }]): FleetHost => ({
      host,
      region: 'near',
      pool: 'console-x',
      state: 'ready',
      slots,
      committed: this.#on(host).length,
      sessions: this.#on(host).map(({ sessionId, epoch, expiresAtMs }) => ({
        sessionId,
        epoch,
        state: expiresAtMs === null ? 'active' : 'reserved',
      })),
    }));
    this.record({ type: 'fleet', hosts, quiet: true });
  }

  #on(host: string): ModelSession[] {
    return [...this.sessions.values()].filter((session) => session.host === host);
  }

  #room(beside?: string): string | undefined {
    return [...this.hosts].find(
      ([host, { slots, barred }]) => host !== beside && barred.size === 0 && this.#on(host).length < slots,
    )?.[0];
  }

  #match(player: string, host: string, claims: boolean): void {
    const expiresAtMs = claims ? null : this.#atMs + MODEL_BOUNDS.reservationMs;
    const sessionId = `s${player.slice(1)}`;
    const session = { sessionId, player, requestId: 'r', epoch: 1, host, expiresAtMs, count: 0 };
    this.sessions.set(sessionId, session);
    this.#prepare(session);
    this.#tellMatched(session);
    if (!claims) return;
    this.wait(5);
    this.#admit(session);
  }

  #prepare({ sessionId, epoch, host, player }: ModelSession): void {
    const claimWithinMs = MODEL_BOUNDS.reservationMs;
    this.record({ type: 'prepared', host, sessionId, epoch, player, claimWithinMs });
  }

  #tellMatched({ sessionId, epoch, host, player, requestId }: ModelSession): void {
    const where = { host, region: 'near', pool: 'console-x', rank: 1, candidates: 1, rttMs: 20 };
    const claimWithinMs = MODEL_BOUNDS.reservationMs;
    this.record({ type: 'matched', player, requestId, sessionId, epoch, ...where, claimWithinMs });
  }

  #admit({ sessionId, epoch, host, player }: ModelSession): void {
    this.record({ type: 'admitted', host, sessionId, epoch, player });
    this.record({ type: 'session-state', player, sessionId, epoch, state: 'active' });
  }

  #end(session: ModelSession, reason: EndReason, by: 'host' | 'broker', onHost = true): void {
    const { sessionId, epoch, host, player } = session;
    this.sessions.delete(sessionId);
    if (onHost) this.record({ type: 'host-ended', host, sessionId, epoch, reason, by });
    this.record({ type: 'session-ended', player, sessionId, epoch, reason });
    this.#serve();
  }

  /** Waiting players get free slots in the order of their arrival. */
  #serve(): void {
    for (;;) {
      const host = this.#room();
      const next = host === undefined ? undefined : this.#queue.shift();
      if (host === undefined || next === undefined) return;
      this.record({ type: 'offered', ...next, region: 'near', acceptWithinMs: 15_000 });
      this.record({ type: 'accepted', ...next });
      this.#match(next.player, host, true);
    }
  }
}
