import type { BrokerToHost, EndReason, HostToBroker } from '@duskline/protocol';
import { monotonicMs } from '../clock.js';
import { decodeCheckpoint, encodeCheckpoint } from './checkpoint-state.js';
import type { HostContext } from './host-context.js';

/** A session that a lean host holds or is prepared for. */
export interface LeanSession {
  readonly epoch: number;
  readonly player: string;
  /** When the host paused the session for a move to another host; `undefined` while the session runs. */
  pausedSinceMs: number | undefined;
  /** When another host paused the session for a move to this host; `undefined` once the session runs here. */
  incomingPausedSinceMs: number | undefined;
}

/** What the moves use of their host. */
export interface LeanMoveOwner {
  readonly name: string;
  readonly sessions: ReadonlyMap<string, LeanSession>;
  /** Whether this epoch of the session, or a newer one, has ended on this host. */
  isOver(sessionId: string, epoch: number): boolean;
  prepareSession(sessionId: string, session: LeanSession, withinMs: number): void;
  endSession(sessionId: string, session: LeanSession, reason: EndReason): void;
  send(message: HostToBroker): void;
}

type MoveMessage = Extract<BrokerToHost, { type: 'checkpoint' | 'restore' | 'moved' | 'resume' }>;

/** Handles moves of sessions from and to a lean host, as the host SDK does for an application that agrees to every move. */
export class LeanHostMoves {
  readonly #context: Pick<HostContext, 'metrics' | 'wheel'>;
  readonly #owner: LeanMoveOwner;

  constructor(context: Pick<HostContext, 'metrics' | 'wheel'>, owner: LeanMoveOwner) {
    this.#context = context;
    this.#owner = owner;
  }

  handleMoveMessage(message: MoveMessage): void {
    switch (message.type) {
      case 'checkpoint':
        this.#sendCheckpoint(message);
        return;
      case 'restore':
        this.#restoreSession(message);
        return;
      case 'moved':
        this.#startMovedSession(message);
        return;
      case 'resume':
        this.#resumeSession(message);
    }
  }

  /** The broker refused the checkpoint or the restored session: the session resumes here, or is dropped. */
  handleMoveRefused(sessionId: string, expected: LeanSession | undefined): void {
    const held = this.#owner.sessions.get(sessionId);
    if (held?.pausedSinceMs !== undefined) this.#resumeSession({ sessionId, epoch: held.epoch });
    else if (expected?.incomingPausedSinceMs !== undefined)
      this.#owner.endSession(sessionId, expected, 'move_failed');
  }

  /** Makes the broker send `moved` again. The first `moved` is lost when the connection or the broker fails. */
  resendRestored(): void {
    for (const [sessionId, { epoch, incomingPausedSinceMs }] of this.#owner.sessions) {
      if (incomingPausedSinceMs === undefined) continue;
      this.#owner.send({ type: 'session', sessionId, epoch, state: 'connected', restored: true });
    }
  }

  #sendCheckpoint({ sessionId, epoch, stillMs }: Extract<MoveMessage, { type: 'checkpoint' }>): void {
    const held = this.#owner.sessions.get(sessionId);
    const mayMove = held?.epoch === epoch && !isMoving(held);
    if (!mayMove) {
      this.#owner.send({ type: 'cannot_move', sessionId, epoch });
      return;
    }
    const sinceMs = monotonicMs();
    held.pausedSinceMs = sinceMs;
    const state = Buffer.from(encodeCheckpoint(sessionId, sinceMs)).toString('base64');
    this.#owner.send({ type: 'checkpoint', sessionId, epoch, state });
    // If the broker and the target host fail, no message ever ends the pause.
    this.#context.wheel.at(sinceMs + stillMs, () => {
      if (held.pausedSinceMs === sinceMs) this.#resumeSession({ sessionId, epoch });
    });
  }

  #restoreSession(order: Extract<MoveMessage, { type: 'restore' }>): void {
    const { sessionId, epoch, playerId: player, claimWithinMs, state = '' } = order;
    const incomingPausedSinceMs = decodeCheckpoint(sessionId, Buffer.from(state, 'base64'));
    const isStale =
      this.#owner.isOver(sessionId, epoch) || (this.#owner.sessions.get(sessionId)?.epoch ?? 0) >= epoch;
    if (incomingPausedSinceMs === undefined || isStale) {
      this.#owner.send({ type: 'cannot_move', sessionId, epoch });
      return;
    }
    const session = { epoch, player, pausedSinceMs: undefined, incomingPausedSinceMs };
    this.#owner.prepareSession(sessionId, session, claimWithinMs);
    this.#owner.send({ type: 'restored', sessionId, epoch });
  }

  #startMovedSession({ sessionId, epoch }: Extract<MoveMessage, { type: 'moved' }>): void {
    const held = this.#owner.sessions.get(sessionId);
    if (held?.epoch !== epoch || held.incomingPausedSinceMs === undefined) return;
    this.#context.metrics.countMoved(held.incomingPausedSinceMs);
    held.incomingPausedSinceMs = undefined;
    this.#context.metrics.record({ type: 'began', host: this.#owner.name, sessionId, epoch });
  }

  #resumeSession({ sessionId, epoch }: { readonly sessionId: string; readonly epoch: number }): void {
    const held = this.#owner.sessions.get(sessionId);
    if (held?.epoch !== epoch || held.pausedSinceMs === undefined) return;
    this.#context.metrics.countMoveFailed(held.pausedSinceMs);
    held.pausedSinceMs = undefined;
    this.#context.metrics.record({ type: 'resumed', host: this.#owner.name, sessionId, epoch });
    this.#owner.send({ type: 'session', sessionId, epoch, state: 'connected' });
  }
}

/** Whether the session is part of a move: brokers must not move such a session again. */
export function isMoving({ pausedSinceMs, incomingPausedSinceMs }: LeanSession): boolean {
  return pausedSinceMs !== undefined || incomingPausedSinceMs !== undefined;
}
