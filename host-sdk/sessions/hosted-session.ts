import type { EndReason, StreamSettings } from '@duskline/protocol';
import type { SessionRecord } from './session-record.js';
import type { HostSessionState, ReportedEvent } from './session-transitions.js';

/**
 * An admitted session, in the application's hands. The three reports answer whether they changed anything:
 * a repeated one, or one after the end, is `false` and tells nobody.
 */
export interface HostedSession {
  readonly sessionId: string;
  readonly epoch: number;
  readonly title: string;
  readonly playerId: string;
  /** `undefined` until `prepare` arrives, when the client was faster than it. */
  readonly stream: StreamSettings | undefined;
  readonly state: HostSessionState;
  /**
   * False for a session that moves here, until the event `moved`: its client may be in, but the host it comes from
   * still has it. Play no further than what was restored until then.
   */
  readonly begun: boolean;
  /** The stream runs. */
  reportConnected(): boolean;
  /** The stream was lost and may come back: the client is admitted again with the same ticket. */
  reportDisconnected(): boolean;
  /**
   * Says whether the session may move to another host from now on, while it is connected: `onCheckpoint` is asked
   * only for one that may. Told with the next heartbeat. Changes nothing without `onCheckpoint`.
   */
  setMovable(movable: boolean): void;
  /**
   * The player did something: the idle limit counts from now on. Cheap: call it for every input that arrives.
   * Coming back with the ticket is not one, for the player's device does that by itself.
   */
  reportActivity(): void;
  /**
   * Says something to the player's device by way of the broker, such as a WebRTC answer. While no broker is
   * connected it waits, and is sent after the next registration. Throws a RangeError for an empty or too long
   * text.
   *
   * @returns false when the session is over, the host is closed, or 64 signals of the session wait already
   */
  signal(data: string): boolean;
  /** It is over; the slot is free. Default reason `host_ended`. */
  end(reason?: EndReason): boolean;
}

/** Carries out what is said with a handle. */
export interface HostedSessionPort {
  reportEvent(record: SessionRecord, event: ReportedEvent, reason?: EndReason): boolean;
  recordActivity(record: SessionRecord): void;
  setMovable(record: SessionRecord, movable: boolean): void;
  sendSignal(record: SessionRecord, data: string): boolean;
}

/** The handle of one record. */
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
