import type { Restored } from '@duskline/protocol';
import { targetReservationIdOf } from '../../../domain/target-reservation.js';
import type { RegionPool } from '../../../domain/catalog.js';
import type { SessionMeta, SessionRecord } from '../../../store/fleet-store.js';
import type { HostConnection } from '../../connections/connections.js';
import type { Connections } from '../../connections/ports.js';
import type { ControlMessage } from '../../messaging/control-messages.js';
import { sessionLimitsOf } from '../../messaging/notify-host.js';
import { Refusal, errorMessage } from '../../refusal.js';
import { decodeMatch } from '../../sessions/match-details.js';
import type { BrokerSettings } from '../../settings.js';
import type { ActiveMovesPort } from '../active-moves.js';
import { refuseMove, replyToCoordinator } from '../reply-to-coordinator.js';
import type { Runtime } from '../../../runtime/runtime.js';
import type { StoreAccess } from '../../store-access/ports.js';
import type { Events } from '../../messaging/broker-events.js';

type RestoreMessage = Extract<ControlMessage, { type: 'restore' }>;

/** On the target host's broker: sends the checkpoint of the session to the target host. */
export async function requestRestore(
  context: BrokerSettings & Runtime & StoreAccess & Events & Connections & ActiveMovesPort,
  regionPool: RegionPool,
  message: RestoreMessage,
): Promise<void> {
  const { sessionId, epoch, coordinatorBrokerId, withinMs, claimWithinMs, reference } = message;
  const [[target], state] = await Promise.all([
    context.store.getSessions(regionPool, [targetReservationIdOf(sessionId)]),
    reference === null ? context.store.takeCheckpoint(regionPool, sessionId, epoch) : null,
  ]);
  const host = context.connections.findHost(regionPool, target?.hostId ?? '');
  const attempt = { sessionId, to: regionPool, toEpoch: epoch, coordinatorBrokerId };
  if (!isReservedTarget(target, epoch)) {
    return refuseMove(context, attempt, 'target', 'the target slot is no longer reserved');
  }
  if (host === undefined) return refuseMove(context, attempt, 'target', 'the host is not connected');
  if (reference === null && state === null) {
    return refuseMove(context, attempt, 'target', 'the store has lost the checkpoint');
  }
  const nowMs = context.clock.monotonicMs();
  host.sessions.apply(sessionId, { type: 'restore_ordered', epoch });
  context.activeMoves.incoming.set(sessionId, {
    host,
    sessionId,
    epoch,
    coordinatorBrokerId,
    replyByMs: nowMs + withinMs,
    expiresAtMs: nowMs + claimWithinMs,
    phase: 'asked',
  });
  sendRestore(context, host, message, target.meta, state);
}

function isReservedTarget(
  target: SessionRecord | null | undefined,
  epoch: number,
): target is SessionRecord & { readonly meta: SessionMeta } {
  return target?.state === 'arriving' && target.epoch === epoch && target.meta !== null;
}

function sendRestore(
  context: BrokerSettings,
  host: HostConnection,
  { sessionId, epoch, withinMs, claimWithinMs, reference }: RestoreMessage,
  { title, playerId, match }: SessionMeta,
  state: string | null,
): void {
  const { stream, tier } = decodeMatch(match);
  const limits = sessionLimitsOf(context, tier);
  host.channel.send({
    type: 'restore',
    sessionId,
    epoch,
    title,
    playerId,
    stream,
    withinMs,
    claimWithinMs,
    ...(limits === undefined ? {} : { limits }),
    ...(state === null ? {} : { state }),
    ...(reference === null ? {} : { reference }),
  });
}

/** The target host has restored the session. The host gets an answer only if the move is over, or the host is too late. */
export async function receiveRestored(
  context: BrokerSettings & Runtime & StoreAccess & Events & ActiveMovesPort,
  host: HostConnection,
  { sessionId, epoch }: Restored,
): Promise<void> {
  const incoming = context.activeMoves.incoming.get(sessionId);
  if (incoming?.host !== host || incoming.epoch !== epoch) {
    host.channel.send(
      errorMessage(new Refusal('NO_MOVE'), context.random, { inReplyTo: 'restored', sessionId }),
    );
    return;
  }
  const { coordinatorBrokerId, replyByMs } = incoming;
  const attempt = { sessionId, to: host.regionPool, toEpoch: epoch, coordinatorBrokerId };
  const isLate = context.clock.monotonicMs() > replyByMs;
  const effects = context.activeMoves.applyToTarget(incoming, { type: 'restored', isLate });
  if (effects.includes('refuse_late_restored')) {
    const message = 'The session was restored after the deadline: drop it.';
    host.channel.send(
      errorMessage(new Refusal('NO_MOVE', { message }), context.random, { inReplyTo: 'restored', sessionId }),
    );
    return refuseMove(context, attempt, 'target', 'the host restored the session too late');
  }
  if (effects.includes('reply_restored')) await replyToCoordinator(context, attempt, { kind: 'restored' });
}
