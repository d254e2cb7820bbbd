import type { EndReason, StreamSettings } from '@duskline/protocol';
import type { SessionRecord } from './session-record.js';
import type { HostSessionState, ReportedEvent } from './session-transitions.js';

/**
 * An admitted session. `reportConnected`, `reportDisconnected` and `end` return whether they changed its state; if not, because the
 * call was repeated or the session has ended, nothing is reported to the broker.
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

/** Implements the methods of `HostedSession`. */
export interface HostedSessionPort {
  reportEvent(record: SessionRecord, event: ReportedEvent, reason?: EndReason): boolean;
  recordActivity(record: SessionRecord): void;
  setMovable(record: SessionRecord, movable: boolean): void;
  sendSignal(record: SessionRecord, data: string): boolean;
}

/** Creates the object of a session for the application. */
export function createHostedSession(record: SessionRecord, port: HostedSessionPort): HostedSession {
  return {
    sessionId: record.sessionId,
    epoch: record.epoch,
    title: record.title,
    playerId: record.playerId,
    get stream() {
      return record.stream;
    },
    get state() {
      return record.state;
    },
    get begun() {
      return record.begun;
    },
    reportConnected: () => port.reportEvent(record, 'connect'),
    reportDisconnected: () => port.reportEvent(record, 'disconnect'),
    setMovable: (movable) => port.setMovable(record, movable),
    reportActivity: () => port.recordActivity(record),
    signal: (data) => port.sendSignal(record, data),
    end: (reason = 'host_ended') => port.reportEvent(record, 'end', reason),
  };
}
