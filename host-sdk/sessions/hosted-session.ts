import type { EndReason, StreamSettings } from '@duskline/protocol';
import { isArriving, PHASES } from './session-phases.js';
import type { EventOf, SessionEventType } from './session-events.js';
import type { Claim, HeldRecord, SessionRecord } from './session-record.js';
import type { HostSessionState } from './session-transitions.js';

/**
 * An admitted session. `reportConnected`, `reportDisconnected` and `end` return whether they changed its state; if not, because the
 * call was repeated or the session has ended, nothing is reported to the broker.
 *
 * It belongs to the client that was admitted with it. If another client gets the session (event `streamReplaced`), this object is
 * `ended` and its calls have no effect; the admission of the other client has an object of its own.
 */
export interface HostedSession {
  readonly sessionId: string;
  readonly epoch: number;
  readonly title: string;
  readonly playerId: string;
  /** `undefined` until `prepare` arrives, if the client was admitted before. */
  readonly stream: StreamSettings | undefined;
  readonly state: HostSessionState;
  /**
   * False for a session that moves to this host, until the event `moved`. Keep the restored game paused until then: its client may
   * be connected already, but the session still belongs to the source host.
   */
  readonly begun: boolean;
  /** The client receives the stream. */
  reportConnected(): boolean;
  /** The client's connection was lost. The same ticket admits it again. */
  reportDisconnected(): boolean;
  /**
   * Sets whether the session may move to another host while it is connected. Reported with the next heartbeat. Without the option
   * `onCheckpoint` no session may move.
   */
  setMovable(movable: boolean): void;
  /**
   * The player was active: restarts the idle limit. Cheap, so call it for every input. A reconnect is no activity, because devices
   * reconnect by themselves.
   */
  reportActivity(): void;
  /**
   * Sends a signal to the player's device through the broker, such as a WebRTC answer. Without a connection to a broker it is sent
   * after the next registration.
   *
   * @returns false if the session has ended, the host is closed, or 64 signals of the session are waiting
   * @throws RangeError if `data` is empty or too long
   */
  signal(data: string): boolean;
  /** Ends the session and frees its slot. Default reason `host_ended`. */
  end(reason?: EndReason): boolean;
}

/** What the application does to a session. */
export type ApplicationEvent = EventOf<
  Extract<
    SessionEventType,
    'stream_connected' | 'stream_lost' | 'application_ended' | 'player_input' | 'movable_set' | 'signal_given'
  >
>;

/** The objects of the admitted sessions, one for each claim. */
export class HostedSessions {
  readonly #dispatch: (sessionId: string, event: ApplicationEvent) => boolean;
  /** The latest record of each claim. A session that has ended keeps the one before its end. */
  readonly #views = new WeakMap<Claim, { record: HeldRecord; isOver: boolean }>();
  readonly #objects = new WeakMap<Claim, HostedSession>();

  /** @param dispatch returns whether the event had an effect */
  constructor(dispatch: (sessionId: string, event: ApplicationEvent) => boolean) {
    this.#dispatch = dispatch;
  }

  /** The record of a session changed. */
  update(before: HeldRecord | undefined, after: SessionRecord): void {
    const claim = 'claim' in after ? after.claim : undefined;
    if (before !== undefined && before.claim !== claim) {
      const view = this.#views.get(before.claim);
      if (view !== undefined) view.isOver = true;
    }
    if (!('claim' in after)) return;
    const view = this.#views.get(after.claim);
    if (view === undefined) this.#views.set(after.claim, { record: after, isOver: false });
    else view.record = after;
  }

  /** The object of the claim; always the same one. */
  get(claim: Claim): HostedSession {
    const known = this.#objects.get(claim);
    if (known !== undefined) return known;
    const view = this.#views.get(claim);
    if (view === undefined) throw new Error('A claim has no session.');
    const created = this.#create(claim, view);
    this.#objects.set(claim, created);
    return created;
  }

  #create(claim: Claim, view: { readonly record: HeldRecord; readonly isOver: boolean }): HostedSession {
    const { sessionId, epoch, title, playerId } = view.record;
    const dispatch = (event: ApplicationEvent): boolean => this.#dispatch(sessionId, event);
    return {
      sessionId,
      epoch,
      title,
      playerId,
      get stream() {
        return view.record.stream;
      },
      get state() {
        return view.isOver ? 'ended' : PHASES[view.record.phase].state;
      },
      get begun() {
        return !isArriving(view.record.phase);
      },
      reportConnected: () => dispatch({ type: 'stream_connected', claim }),
      reportDisconnected: () => dispatch({ type: 'stream_lost', claim }),
      setMovable: (movable) => void dispatch({ type: 'movable_set', claim, movable }),
      reportActivity: () => void dispatch({ type: 'player_input', claim }),
      signal: (data) => dispatch({ type: 'signal_given', claim, data }),
      end: (reason = 'host_ended') => dispatch({ type: 'application_ended', claim, reason }),
    };
  }
}
