import type { EndReason } from '@duskline/protocol/vocabulary';
import type { CreateCheck } from '../check.js';
import type { HistoryEvent } from '../events.js';

/** Reasons that a client or a host gives; all others are the brokers' own. */
const PEER_REASONS: readonly EndReason[] = ['client_left', 'host_ended', 'reconnect_expired', 'error'];

/**
 * S5: who ends an assignment that is not the newest ends nothing. Seen by its effect: the newest assignment is
 * over for the reason that the late one gave, and nobody who could gave it for the newest.
 */
export const checkStaleReleases: CreateCheck = (_, report) => {
  const epochs = new Map<string, number>();
  const late = new Map<string, HistoryEvent>();
  const rightful = new Set<string>();

  const know = ({ sessionId, epoch }: { sessionId: string; epoch: number }): void => {
    if (epoch > (epochs.get(sessionId) ?? 0)) epochs.set(sessionId, epoch);
  };
  const release = (
    event: HistoryEvent & { readonly sessionId: string; readonly epoch: number; readonly reason: EndReason },
  ): void => {
    const { sessionId, epoch, reason } = event;
    if (epoch < (epochs.get(sessionId) ?? 0)) late.set(`${sessionId} ${reason}`, event);
    else rightful.add(`${sessionId} ${reason}`);
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
      left: ({ sessionId }) => void rightful.add(`${sessionId} client_left`),
      over(event) {
        const { sessionId, epoch, reason } = event;
        const key = `${sessionId} ${reason}`;
        const cause = late.get(key);
        if (cause === undefined || rightful.has(key) || !PEER_REASONS.includes(reason)) return;
        if (epoch < (epochs.get(sessionId) ?? 0)) return;
        report(`${sessionId} is over (${reason}) by a release of an older epoch`, cause, event);
      },
    },
  };
};
