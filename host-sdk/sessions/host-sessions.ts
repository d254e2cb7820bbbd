import type { Heartbeat, HeldSession } from '@duskline/protocol';
import type { HostFacts, Movability, SessionEffect, SessionEvent } from './session-events.js';
import { step } from './session-machine.js';
import {
  createUnknownRecord,
  isHeldRecord,
  nextDeadlineMs,
  toHeldSession,
  type HeldRecord,
  type LiveRecord,
  type SessionRecord,
} from './session-record.js';
import type { Step } from './steps/step.js';
import { SessionStore } from './session-store.js';

/** A reservation as heartbeats list it. */
export type AcceptedReservation = NonNullable<Heartbeat['prepared']>[number];

/** What the sessions need from the host. */
export interface HostSessionsPort {
  /** The host's monotonic clock. */
  nowMs(): number;
  /** Whether a broker has registered the host on the present connection. */
  isRegistered(): boolean;
  /** How many pings the host has sent. */
  pingsSent(): number;
  /** Carries an effect out. It may dispatch further events; their effects follow. */
  runEffect(sessionId: string, effect: SessionEffect): void;
  /** The record of a session changed. `before`: its earlier record, if that had a claim. */
  updateHandle(before: HeldRecord | undefined, after: SessionRecord): void;
  /** Asks for an event `time` at this time at the latest. */
  scheduleCheck(dueAtMs: number): void;
}

/** The result of an event. */
export interface Outcome extends Step {
  /** Whether the event was not ignored. */
  readonly hasEffect: boolean;
}

/** The order in which a broker gets the messages that waited for a connection, by type. */
const RESEND_ORDER = ['session', 'limit', 'restored', 'checkpoint', 'signal'];

/**
 * The sessions of a host. Each event is applied to the record of its session, and the effects are carried out one after the other, in
 * the order of the events, also if carrying out an effect causes events.
 */
export class HostSessions {
  readonly #port: HostSessionsPort;
  readonly #store: SessionStore;
  readonly #movability: Movability;
  readonly #effects: { readonly sessionId: string; readonly effect: SessionEffect }[] = [];
  #isRunning = false;
  #eventCount = 0;

  constructor(slots: number, movability: Movability, port: HostSessionsPort) {
    this.#port = port;
    this.#movability = movability;
    this.#store = new SessionStore(slots);
  }

  /** What the host knows about the session. */
  find(sessionId: string): SessionRecord {
    return this.#store.get(sessionId) ?? createUnknownRecord(sessionId);
  }

  live(): LiveRecord[] {
    return this.#store.live();
  }

  held(): HeldRecord[] {
    return this.live().filter(isHeldRecord);
  }

  /** The sessions that `register` and `heartbeat` list. */
  listHeld(): HeldSession[] {
    return this.live().flatMap((record) => toHeldSession(record) ?? []);
  }

  /** The reservations that the application has accepted. */
  listAccepted(): AcceptedReservation[] {
    return this.live().flatMap((record) => {
      if (isHeldRecord(record) || record.phase !== 'prepared' || !record.isAccepted) return [];
      return [{ sessionId: record.sessionId, epoch: record.epoch }];
    });
  }

  /** The numbers of reservations that have not expired, and of held sessions. */
  count(): { readonly prepared: number; readonly held: number } {
    const nowMs = this.#port.nowMs();
    const prepared = this.live().filter((record) => !isHeldRecord(record) && nowMs < record.claimByMs);
    return { prepared: prepared.length, held: this.#store.heldCount };
  }

  /** Applies the event, and carries out its effects. */
  dispatch(sessionId: string, event: SessionEvent): Outcome {
    const result = this.#apply(sessionId, event);
    this.#enqueue(sessionId, result.effects);
    this.#runEffects();
    return result;
  }

  /** Applies the event to each session that is reserved or held. */
  dispatchToLive(event: SessionEvent): void {
    for (const { sessionId } of this.live()) this.dispatch(sessionId, event);
  }

  /** The broker has answered a ping of this number. */
  handlePong(ping: number): void {
    for (const sessionId of this.#store.unconfirmed()) this.dispatch(sessionId, { type: 'pong', ping });
  }

  /** A broker registered the host: it gets the messages that waited, ends first, and signals in the order in which they were given. */
  handleRegistered(): void {
    const waiting = [...this.#store.unconfirmed(), ...this.live().map(({ sessionId }) => sessionId)].flatMap(
      (sessionId) =>
        this.#apply(sessionId, { type: 'registered' }).effects.map((effect) => ({ sessionId, effect })),
    );
    waiting.sort((a, b) => rankOf(a.effect) - rankOf(b.effect) || orderOf(a.effect) - orderOf(b.effect));
    this.#effects.push(...waiting);
    this.#runEffects();
  }

  /** When the next deadline is. `Infinity`: there is none. */
  nextDeadlineMs(): number {
    return Math.min(...this.live().map(nextDeadlineMs));
  }

  #apply(sessionId: string, event: SessionEvent): Outcome {
    const before = this.find(sessionId);
    const result = step(before, event, this.#collectFacts());
    const { record } = result;
    if (record !== before) {
      this.#store.set(record);
      this.#port.updateHandle(isHeldRecord(before) ? before : undefined, record);
      this.#port.scheduleCheck(nextDeadlineMs(record));
    }
    return { ...result, hasEffect: record !== before || result.effects.length > 0 };
  }

  #collectFacts(): HostFacts {
    this.#eventCount += 1;
    return {
      nowMs: this.#port.nowMs(),
      isRegistered: this.#port.isRegistered(),
      pingsSent: this.#port.pingsSent(),
      hasFreeSlot: this.#store.hasFreeSlot,
      hasRoomForReservation: this.#store.hasRoomForReservation,
      hasRoomForSignal: this.#store.hasRoomForSignal,
      nextSignalOrder: this.#eventCount,
      movability: this.#movability,
    };
  }

  #enqueue(sessionId: string, effects: readonly SessionEffect[]): void {
    for (const effect of effects) this.#effects.push({ sessionId, effect });
  }

  #runEffects(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      for (let next = this.#effects.shift(); next !== undefined; next = this.#effects.shift()) {
        this.#port.runEffect(next.sessionId, next.effect);
      }
    } finally {
      this.#isRunning = false;
    }
  }
}

function rankOf(effect: SessionEffect): number {
  return effect.type === 'send' ? RESEND_ORDER.indexOf(effect.message.type) : -1;
}

function orderOf(effect: SessionEffect): number {
  const unsent = effect.type === 'send' ? effect.unsent : undefined;
  return unsent?.type === 'signal_unsent' ? unsent.signal.order : 0;
}
