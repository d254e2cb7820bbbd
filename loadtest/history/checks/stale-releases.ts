import type { EndReason } from '@duskline/protocol/vocabulary';
import type { CreateCheck } from '../check.js';
import type { HistoryEvent } from '../events.js';

/** End reasons that come from a client or a host. Brokers set all others. */
const PEER_REASONS: readonly EndReason[] = ['client_left', 'host_ended', 'reconnect_expired', 'error'];

/**
 * S5: a release of an older assignment does not end the newest assignment of a session. A violation is detected by its
 * effect: the newest assignment ends with the reason of the late release, and there was no release of the newest one.
 */
export const checkStaleReleases: CreateCheck = (_, report) => {
  const epochs = new Map<string, number>();
  const late = new Map<string, HistoryEvent>();
  const valid = new Set<string>();

  const know = ({ sessionId, epoch }: { sessionId: string; epoch: number }): void => {
    if (epoch > (epochs.get(sessionId) ?? 0)) epochs.set(sessionId, epoch);
  };
  const release = (
    event: HistoryEvent & { readonly sessionId: string; readonly epoch: number; readonly reason: EndReason },
  ): void => {
    const { sessionId, epoch, reason } = event;
    if (epoch < (epochs.get(sessionId) ?? 0)) late.set(`${sessionId} ${reason}`, event);
    else valid.add(`${sessionId} ${reason}`);
  };
  return {
    on: {
      matched: know,
      prepared: know,
      admitted: know,
      released(event) {
        const newest = epochs.get(event.sessionId) ?? 0;
        if (event.epoch < newest && event.outcome === 'ended') {
          report(`a release of epoch ${event.epoch} ended ${event.sessionId}, which has ${newest}`, event);
        }
        release(event);
      },
      'host-ended'(event) {
        if (event.by === 'host') release(event);
      },
      left: ({ sessionId }) => void valid.add(`${sessionId} client_left`),
      'session-ended'(event) {
        const { sessionId, epoch, reason } = event;
        const key = `${sessionId} ${reason}`;
        const cause = late.get(key);
        if (cause === undefined || valid.has(key) || !PEER_REASONS.includes(reason)) return;
        if (epoch < (epochs.get(sessionId) ?? 0)) return;
        report(`${sessionId} was ended (${reason}) by a release of an older epoch`, cause, event);
      },
    },
  };
};
