import type { Host, HostedSession } from '@duskline/host';
import type { Recorder } from './recorder.js';

/** Records what a host of this process does, sends and receives. */
export interface HostRecording {
  /** Records the sessions that the next heartbeat lists. */
  recordHeldSessions(): void;
}

/**
 * Attaches a recording to a host. The SDK has no events for admissions, and for sessions that the host ends itself, so the
 * methods are wrapped.
 *
 * @param name `region/pool/hostId`
 */
export function recordHost({ record }: Recorder, name: string, host: Host): HostRecording {
  const watched = new WeakSet<HostedSession>();
  let state: 'new' | 'registered' | 'silent' | 'stopped' = 'new';

  const recordStatus = (status: Host['status']): void => {
    if (status.state === 'registered') {
      if (state === 'new') record({ type: 'host-registered', host: name, slots: host.usage.slots });
      if (state === 'silent') record({ type: 'host-back', host: name });
      state = 'registered';
    } else if (status.state === 'closed') {
      if (state !== 'stopped') {
        record({ type: 'host-stopped', host: name, how: status.cause === 'left' ? 'left' : 'killed' });
      }
      state = 'stopped';
    } else if (state === 'registered') {
      record({ type: 'host-silent', host: name });
      state = 'silent';
    }
  };
  host.on('status', recordStatus);
  recordStatus(host.status);

  host.on('prepare', ({ sessionId, epoch, playerId, claimWithinMs }) => {
    record({ type: 'prepared', host: name, sessionId, epoch, player: playerId, claimWithinMs });
  });
  host.on('end', ({ sessionId, epoch, reason }) => {
    // `host_ended` comes from a host that leaves and ends its sessions itself.
    const by = reason === 'host_ended' ? 'host' : 'broker';
    record({ type: 'host-ended', host: name, sessionId, epoch, reason, by });
  });

  host.on('moved', (moved) => record({ type: 'began', host: name, ...moved }));
  host.on('resume', (resumed) => record({ type: 'resumed', host: name, ...resumed }));

  const watchEnd = (session: HostedSession): void => {
    if (watched.has(session)) return;
    watched.add(session);
    const { sessionId, epoch } = session;
    const end = session.end.bind(session);
    session.end = (reason = 'host_ended') => {
      const ended = end(reason);
      if (ended) record({ type: 'host-ended', host: name, sessionId, epoch, reason, by: 'host' });
      return ended;
    };
  };
  const admit = host.admit.bind(host);
  host.admit = (ticket) => {
    const admission = admit(ticket);
    if (admission.ok) {
      const { sessionId, epoch, playerId } = admission.session;
      if (!admission.readmitted) record({ type: 'admitted', host: name, sessionId, epoch, player: playerId });
      watchEnd(admission.session);
    }
    return admission;
  };
  return {
    recordHeldSessions() {
      const sessions = host.sessions().flatMap(({ sessionId, epoch, state: held }) => {
        return held === 'prepared' || held === 'ended' ? [] : [{ sessionId, epoch, state: held }];
      });
      record({ type: 'heartbeat', host: name, sessions });
    },
  };
}
