import type { EndReason, StreamSettings } from '@duskline/protocol';
import type { SessionRecord } from './session-table.js';
import type { HostSessionEvent, HostSessionState } from './session-transitions.js';

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
  /** The stream runs. */
  connected(): boolean;
  /** The stream was lost and may come back: the client is admitted again with the same ticket. */
  disconnected(): boolean;
  /** It is over; the slot is free. Default reason `host_ended`. */
  end(reason?: EndReason): boolean;
}

/** Carries a report out. */
export type ReportSession = (
  record: SessionRecord,
  event: Exclude<HostSessionEvent, 'admit'>,
  reason?: EndReason,
) => boolean;

/** The handle of one record. */
export function createHostedSession(record: SessionRecord, report: ReportSession): HostedSession {
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
    connected: () => report(record, 'connect'),
    disconnected: () => report(record, 'disconnect'),
    end: (reason = 'host_ended') => report(record, 'end', reason),
  };
}
