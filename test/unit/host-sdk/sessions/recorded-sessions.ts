import { HostSessions } from '@duskline/host/internal/sessions/host-sessions';
import type {
  ClaimAnswer,
  SessionEffect,
  SessionEvent,
} from '@duskline/host/internal/sessions/session-events';
import type { PreparedSession, SessionRecord } from '@duskline/host/internal/sessions/session-record';
import { sessionIdOf } from '../tickets.js';

export const STREAM = { codec: 'hevc', resolution: '1080p', fps: 60 } as const;

/** A reservation of a session with this number. */
export function prepared(number: number, epoch = 1, claimWithinMs = 1_000): PreparedSession {
  const sessionId = sessionIdOf(number);
  return { sessionId, epoch, title: 'meadow', playerId: `player-${number}`, stream: STREAM, claimWithinMs };
}

/** The sessions of a host without a broker and an application: effects are recorded, and messages count as sent. */
export class RecordedSessions {
  readonly effects: SessionEffect[] = [];
  readonly sessions: HostSessions;
  nowMs = 0;
  isRegistered = true;
  pingsSent = 0;

  constructor(slots: number, isMovable = false) {
    this.sessions = new HostSessions(
      slots,
      { isPossible: true, byDefault: isMovable },
      {
        nowMs: () => this.nowMs,
        isRegistered: () => this.isRegistered,
        pingsSent: () => this.pingsSent,
        runEffect: (sessionId, effect) => {
          this.effects.push(effect);
          if (effect.type !== 'send') return;
          const outcome = this.isRegistered ? effect.sent : effect.unsent;
          if (outcome !== undefined) this.sessions.dispatch(sessionId, outcome);
        },
        updateHandle: () => undefined,
        scheduleCheck: () => undefined,
      },
    );
  }

  record(number: number): SessionRecord {
    return this.sessions.find(sessionIdOf(number));
  }

  dispatch(number: number, event: SessionEvent): void {
    this.sessions.dispatch(sessionIdOf(number), event);
  }

  prepare(number: number, epoch = 1, claimWithinMs = 1_000): void {
    this.dispatch(number, { type: 'prepare', session: prepared(number, epoch, claimWithinMs) });
  }

  /** A client shows a ticket. */
  claim(number: number, epoch = 1, ticketNumber = 0): ClaimAnswer {
    const ticket = { epoch, title: 'meadow', playerId: `player-${number}`, number: ticketNumber };
    return this.sessions.dispatch(sessionIdOf(number), { type: 'ticket', ...ticket }).answer!;
  }

  /** Why a client with the ticket is refused; `none` if it is admitted. */
  faultOf(number: number, epoch = 1, ticketNumber = 0): string {
    const answer = this.claim(number, epoch, ticketNumber);
    return answer.ok ? 'none' : answer.fault;
  }

  /** The application reports something about the admitted client. Returns whether it changed the session. */
  report(number: number, type: 'stream_connected' | 'stream_lost' | 'application_ended'): boolean {
    const before = this.record(number);
    if (!('claim' in before)) return false;
    const { claim } = before;
    if (type === 'application_ended') this.dispatch(number, { type, claim, reason: 'host_ended' });
    else this.dispatch(number, { type, claim });
    return this.record(number) !== before;
  }

  /** The broker ends the session. */
  order(number: number, epoch = 1): void {
    this.dispatch(number, { type: 'end_ordered', epoch, reason: 'operator' });
  }

  passTime(toMs: number): void {
    this.nowMs = toMs;
    this.sessions.dispatchToLive({ type: 'time' });
  }

  /** The effects since the last call. */
  take(): SessionEffect[] {
    return this.effects.splice(0);
  }

  /** The ends that the application was notified of since the last call. */
  takeEnds(): object[] {
    return this.take().flatMap((effect) =>
      effect.type === 'notify' && effect.notice.event === 'end' ? [effect.notice.payload] : [],
    );
  }
}
