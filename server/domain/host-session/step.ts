import {
  ABSENT,
  MIN_HEARTBEATS,
  epochOf,
  isUnprepared,
  listedOf,
  type HostSession,
  type HostSessionEffect,
  type HostSessionEvent,
  type HostTransition,
  type Listed,
  type Phase,
} from './host-session.js';

/**
 * The machine of a session as its host's broker sees it: returns the session after the event, and what the broker sends to the host.
 * Pure, and defined for every event in every phase.
 *
 * For any order of events the host gets each epoch at most once, in rising order, and each assignment that it was sent is admitted,
 * ended or released.
 */
export function step(session: HostSession, event: HostSessionEvent): HostTransition {
  switch (event.type) {
    case 'assigned':
      if (isUnprepared(session, event.epoch)) return prepareLate(session);
      return assign(
        session,
        { name: 'prepared', epoch: event.epoch, heartbeats: 0, before: listedOf(session) },
        [{ type: 'send_prepare' }],
      );
    case 'restore_ordered':
      return assign(session, { name: 'restoring', epoch: event.epoch, before: listedOf(session) }, []);
    case 'reported': {
      // The store refuses a report about an earlier assignment than the one that the host lists.
      const isOld = session.phase.name === 'held' && event.epoch < session.phase.listed.epoch;
      return isOld ? stay(session) : list(session, event, session.phase.name === 'absent');
    }
    case 'listed':
      // A host that connects with a session had its `prepare` before.
      return list(session, event, false);
    case 'unlisted':
      return unlist(session, event.prepared);
    case 'ended':
      return end(session, event.epoch, [{ type: 'send_end', epoch: event.epoch, reason: event.reason }]);
    case 'host_ended':
    case 'refused':
      return end(session, event.epoch, []);
    case 'moved_away':
      return moveAway(session, event.epoch);
    case 'host_lost':
      return loseHost(session, event.epoch);
    case 'adopted':
      return { session: { ...session, storedMovableEpoch: null }, effects: [] };
    case 'movable_recorded':
      return recordMovable(session, event.epoch, event.movable);
  }
}

function stay(session: HostSession): HostTransition {
  return { session, effects: [] };
}

function enter(
  session: HostSession,
  phase: Phase,
  effects: readonly HostSessionEffect[] = [],
): HostTransition {
  if (phase.name === 'absent') return { session: ABSENT, effects };
  return { session: { phase, storedMovableEpoch: session.storedMovableEpoch }, effects };
}

/** The phase of a session of which only an assignment is left that the host lists. */
function listedPhase(listed: Listed | null): Phase {
  return listed === null ? { name: 'absent' } : { name: 'held', listed, isUnprepared: false };
}

/** An epoch is sent once. */
function assign(
  session: HostSession,
  phase: Extract<Phase, { readonly epoch: number }>,
  effects: readonly HostSessionEffect[],
): HostTransition {
  return epochOf(session) >= phase.epoch ? stay(session) : enter(session, phase, effects);
}

/** The host learns the limits of a session that it runs already. */
function prepareLate(session: HostSession): HostTransition {
  return enter(session, listedPhase(listedOf(session)), [{ type: 'send_prepare' }]);
}

/** @param isFirst whether the host names a session of which it was sent nothing */
function list(session: HostSession, { epoch, state }: Listed, isFirst: boolean): HostTransition {
  const { phase } = session;
  const listed = listedOf(session);
  if (listed?.epoch === epoch && listed.state === state) return stay(session);
  // The store decides about an earlier assignment, and the host gets `end` or an error for it.
  if (phase.name !== 'held' && phase.name !== 'absent' && epoch < phase.epoch)
    return enter(session, { ...phase, before: { epoch, state } });
  const lacksPrepare = isFirst || isUnprepared(session, epoch);
  return enter(session, { name: 'held', listed: { epoch, state }, isUnprepared: lacksPrepare });
}

function unlist(session: HostSession, prepared: number | 'none' | undefined): HostTransition {
  const { phase } = session;
  switch (phase.name) {
    case 'absent':
      return stay(session);
    case 'held':
      return enter(session, { name: 'absent' });
    case 'ready':
    case 'restoring':
      return phase.before === null ? stay(session) : enter(session, { ...phase, before: null });
    case 'prepared': {
      const { epoch, heartbeats } = phase;
      if (prepared === epoch) return enter(session, { name: 'ready', epoch, before: null });
      // Nothing counts as unanswered by a host whose heartbeats do not list prepared sessions.
      if (prepared === undefined)
        return phase.before === null ? stay(session) : enter(session, { ...phase, before: null });
      return enter(session, {
        name: 'prepared',
        epoch,
        heartbeats: Math.min(heartbeats + 1, MIN_HEARTBEATS),
        before: null,
      });
    }
  }
}

/** The assignment is over on the host. A later one is not concerned, but then an earlier one that the host lists may be. */
function end(session: HostSession, epoch: number, effects: readonly HostSessionEffect[]): HostTransition {
  const { phase } = session;
  if (phase.name === 'absent') return stay(session);
  if (epochOf(session) <= epoch) return enter(session, { name: 'absent' }, effects);
  if (phase.name === 'held' || phase.before === null || phase.before.epoch > epoch) return stay(session);
  return enter(session, { ...phase, before: null }, effects);
}

/** The source host ends a session that moved, also if this broker did not know that the host had it. */
function moveAway(session: HostSession, epoch: number): HostTransition {
  const effects = [{ type: 'send_end', epoch, reason: 'superseded' }] as const;
  const ended = end(session, epoch, []);
  return { session: ended.session, effects };
}

/** The host is connected, so it was lost only for a while: its next list of sessions decides which sessions it keeps. */
function loseHost(session: HostSession, epoch: number): HostTransition {
  const { phase } = session;
  if (phase.name === 'absent' || phase.name === 'held' || phase.epoch > epoch) return stay(session);
  return enter(session, listedPhase(phase.before));
}

function recordMovable(session: HostSession, epoch: number, movable: boolean): HostTransition {
  if (session.phase.name === 'absent') return stay(session);
  const { storedMovableEpoch } = session;
  if (movable) return { session: { ...session, storedMovableEpoch: epoch }, effects: [] };
  return storedMovableEpoch === epoch
    ? { session: { ...session, storedMovableEpoch: null }, effects: [] }
    : stay(session);
}
