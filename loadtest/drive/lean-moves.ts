import type { BrokerToHost, EndReason, HostToBroker } from '@duskline/protocol';
import { monotonicMs } from './clock.js';
import { readHandOver, writeHandOver } from './hand-over.js';
import type { HostContext } from './host-context.js';

/** A session that a lean host has, or expects. */
export interface LeanSession {
  readonly epoch: number;
  readonly player: string;
  /** Since when it is held still, because it may move away; `undefined` while it plays. */
  stillSinceMs: number | undefined;
  /** It moves here: since when another host holds it still; `undefined` once it has begun. */
  comesSinceMs: number | undefined;
}

/** What moves need from their host. */
export interface LeanMoveOwner {
  readonly name: string;
  readonly held: ReadonlyMap<string, LeanSession>;
  /** Whether this epoch of the session, or a newer one, is over here. */
  isOver(sessionId: string, epoch: number): boolean;
  expect(sessionId: string, session: LeanSession, withinMs: number): void;
  end(sessionId: string, session: LeanSession, reason: EndReason): void;
  send(message: HostToBroker): void;
}

type MoveMessage = Extract<BrokerToHost, { type: 'checkpoint' | 'restore' | 'moved' | 'resume' }>;

/** The sessions of a lean host that move away, or here: as the host SDK does it, without an application to ask. */
export class LeanMoves {
  readonly #context: Pick<HostContext, 'tally' | 'wheel'>;
  readonly #owner: LeanMoveOwner;

  constructor(context: Pick<HostContext, 'tally' | 'wheel'>, owner: LeanMoveOwner) {
    this.#context = context;
    this.#owner = owner;
  }

  received(message: MoveMessage): void {
    switch (message.type) {
      case 'checkpoint':
        this.#handOver(message);
        return;
      case 'restore':
        this.#takeUp(message);
        return;
      case 'moved':
        this.#begin(message);
        return;
      case 'resume':
        this.#goOn(message);
    }
  }

  /** The broker does not take the state, or the answer: the session goes on here, or does not come. */
  refused(sessionId: string, expected: LeanSession | undefined): void {
    const held = this.#owner.held.get(sessionId);
    if (held?.stillSinceMs !== undefined) this.#goOn({ sessionId, epoch: held.epoch });
    else if (expected?.comesSinceMs !== undefined) this.#owner.end(sessionId, expected, 'move_failed');
  }

  /** Makes the broker say `moved` again: the first time it may be lost, with a connection or a broker. */
  remind(): void {
    for (const [sessionId, { epoch, comesSinceMs }] of this.#owner.held) {
      if (comesSinceMs === undefined) continue;
      this.#owner.send({ type: 'session', sessionId, epoch, state: 'connected', restored: true });
    }
  }

  #handOver({ sessionId, epoch, stillMs }: Extract<MoveMessage, { type: 'checkpoint' }>): void {
    const held = this.#owner.held.get(sessionId);
    const mayMove = held?.epoch === epoch && !isOnTheMove(held);
    if (!mayMove) {
      this.#owner.send({ type: 'cannot_move', sessionId, epoch });
      return;
    }
    const sinceMs = monotonicMs();
    held.stillSinceMs = sinceMs;
    const state = Buffer.from(writeHandOver(sessionId, sinceMs)).toString('base64');
    this.#owner.send({ type: 'checkpoint', sessionId, epoch, state });
    // Nobody may be left to say what became of it.
    this.#context.wheel.at(sinceMs + stillMs, () => {
      if (held.stillSinceMs === sinceMs) this.#goOn({ sessionId, epoch });
    });
  }

  #takeUp(order: Extract<MoveMessage, { type: 'restore' }>): void {
    const { sessionId, epoch, playerId: player, claimWithinMs, state = '' } = order;
    const comesSinceMs = readHandOver(sessionId, Buffer.from(state, 'base64'));
    const isStale =
      this.#owner.isOver(sessionId, epoch) || (this.#owner.held.get(sessionId)?.epoch ?? 0) >= epoch;
    if (comesSinceMs === undefined || isStale) {
      this.#owner.send({ type: 'cannot_move', sessionId, epoch });
      return;
    }
    const session = { epoch, player, stillSinceMs: undefined, comesSinceMs };
    this.#owner.expect(sessionId, session, claimWithinMs);
    this.#owner.send({ type: 'restored', sessionId, epoch });
  }

  #begin({ sessionId, epoch }: Extract<MoveMessage, { type: 'moved' }>): void {
    const held = this.#owner.held.get(sessionId);
    if (held?.epoch !== epoch || held.comesSinceMs === undefined) return;
    this.#context.tally.moved(held.comesSinceMs);
    held.comesSinceMs = undefined;
    this.#context.tally.record({ type: 'began', host: this.#owner.name, sessionId, epoch });
  }

  #goOn({ sessionId, epoch }: { readonly sessionId: string; readonly epoch: number }): void {
    const held = this.#owner.held.get(sessionId);
    if (held?.epoch !== epoch || held.stillSinceMs === undefined) return;
    this.#context.tally.stayed(held.stillSinceMs);
    held.stillSinceMs = undefined;
    this.#context.tally.record({ type: 'resumed', host: this.#owner.name, sessionId, epoch });
    this.#owner.send({ type: 'session', sessionId, epoch, state: 'connected' });
  }
}

/** What moves is not asked to move on. */
export function isOnTheMove({ stillSinceMs, comesSinceMs }: LeanSession): boolean {
  return stillSinceMs !== undefined || comesSinceMs !== undefined;
}
