import type { HostCheckpoint } from '@duskline/protocol';
import { MAX_CHECKPOINT_BYTES } from '@duskline/protocol/constants';
import type { RegionPool } from '../../../domain/catalog.js';
import { listedOf } from '../../../domain/host-session/host-session.js';
import { moveDeadlines } from '../../../domain/move-deadlines.js';
import type { Runtime } from '../../../runtime/runtime.js';
import type { HostConnection } from '../../connections/connections.js';
import type { Connections } from '../../connections/ports.js';
import type { Events } from '../../messaging/broker-events.js';
import type { ControlMessage } from '../../messaging/control-messages.js';
import { notifyAllOfChange } from '../../messaging/session-events.js';
import { Refusal, errorMessage, toRefusal } from '../../refusal.js';
import type { BrokerSettings } from '../../settings.js';
import type { StoreAccess } from '../../store-access/ports.js';
import type { ActiveMovesPort, OutgoingMove } from '../active-moves.js';
import { refuseMove, replyToCoordinator } from '../reply-to-coordinator.js';

/** On the source host's broker: requests the checkpoint of the session from the host, which pauses the session for it. */
export async function requestCheckpoint(
  context: BrokerSettings & Runtime & StoreAccess & Events & Connections & ActiveMovesPort,
  regionPool: RegionPool,
  message: Extract<ControlMessage, { type: 'checkpoint' }>,
): Promise<void> {
  const { hostId, sessionId, epoch, to, toEpoch, coordinatorBrokerId, withinMs, stillMs } = message;
  const host = context.connections.findHost(regionPool, hostId);
  const held = host === undefined ? null : listedOf(host.sessions.get(sessionId));
  if (host === undefined || held === null) {
    return refuseMove(context, message, 'source', 'the host is not connected or does not have the session');
  }
  if (held.epoch !== epoch || held.state !== 'connected') {
    return refuseMove(context, message, 'client', 'the client is not connected to the session');
  }
  // Another broker was faster. The host is not at fault and must not be quarantined for it.
  if (context.activeMoves.outgoing.has(sessionId)) {
    return refuseMove(context, message, 'store', 'the session is moving already');
  }
  const nowMs = context.clock.monotonicMs();
  context.activeMoves.outgoing.set(sessionId, {
    host,
    sessionId,
    epoch,
    to,
    toEpoch,
    coordinatorBrokerId,
    replyByMs: nowMs + withinMs,
    // The target slot is reserved already.
    expiresAtMs: nowMs + moveDeadlines(context.limits.moveStepMs).reservedMs,
    phase: 'asked',
  });
  host.channel.send({ type: 'checkpoint', sessionId, epoch, withinMs, stillMs });
}

/** Stores the checkpoint that a host sends, for the target host. The host gets an answer only if that fails. */
export async function receiveCheckpoint(
  context: BrokerSettings & Runtime & StoreAccess & Events & ActiveMovesPort,
  host: HostConnection,
  message: HostCheckpoint,
): Promise<void> {
  const { sessionId } = message;
  try {
    const move = findExpectedMove(context, host, message);
    try {
      await storeCheckpoint(context, move, message);
    } catch (error) {
      const effects = context.activeMoves.applyToSource(move, { type: 'checkpoint_not_stored' });
      if (effects.length > 0) await refuseMove(context, move, 'source', toRefusal(error).message);
      throw error;
    }
    // The move may have been cancelled while the store answered.
    const effects = context.activeMoves.applyToSource(move, { type: 'checkpoint_stored' });
    const { reference = null } = message;
    if (effects.length > 0) await replyToCoordinator(context, move, { kind: 'checkpoint', reference });
  } catch (error) {
    host.channel.send(errorMessage(toRefusal(error), context.random, { inReplyTo: 'checkpoint', sessionId }));
  }
}

/**
 * The move that the checkpoint belongs to.
 *
 * @throws Refusal STALE_EPOCH, NO_MOVE
 */
function findExpectedMove(
  context: Runtime & ActiveMovesPort,
  host: HostConnection,
  { sessionId, epoch }: HostCheckpoint,
): OutgoingMove {
  const outgoing = context.activeMoves.outgoing.get(sessionId);
  const heldEpoch = outgoing?.epoch ?? listedOf(host.sessions.get(sessionId))?.epoch ?? epoch;
  if (epoch < heldEpoch) throw new Refusal('STALE_EPOCH');
  if (outgoing?.host !== host || outgoing.epoch !== epoch) throw new Refusal('NO_MOVE');
  const isLate = context.clock.monotonicMs() > outgoing.replyByMs;
  const effects = context.activeMoves.applyToSource(outgoing, { type: 'checkpoint_received', isLate });
  if (effects.includes('refuse_checkpoint')) throw new Refusal('NO_MOVE');
  if (effects.includes('refuse_late_checkpoint')) {
    throw new Refusal('NO_MOVE', {
      message: 'The checkpoint arrived after its deadline: continue the session on this host.',
    });
  }
  return outgoing;
}

async function storeCheckpoint(
  context: BrokerSettings & StoreAccess & Events,
  outgoing: OutgoingMove,
  message: HostCheckpoint,
): Promise<void> {
  checkCheckpoint(message);
  const { state } = message;
  const { host, sessionId, epoch, to, toEpoch } = outgoing;
  host.sessions.apply(sessionId, { type: 'reported', epoch, state: 'moving' });
  const hostId = host.registration.hostId;
  const [outcome] = await Promise.all([
    context.batches.updateSessionState(host.regionPool, { sessionId, epoch, hostId, to: 'moving' }),
    state === undefined ? undefined : context.store.putCheckpoint(to, sessionId, toEpoch, state),
  ]);
  if (outcome.kind !== 'changed') throw new Refusal(outcome.kind === 'stale' ? 'STALE_EPOCH' : 'NO_MOVE');
  notifyAllOfChange(context, host.regionPool, outcome.session);
}

/** @throws Refusal BAD_MESSAGE, CHECKPOINT_TOO_LARGE */
function checkCheckpoint({ state, reference }: HostCheckpoint): void {
  if ((state === undefined) === (reference === undefined)) {
    throw new Refusal('BAD_MESSAGE', {
      message: 'checkpoint: send either `state` or `reference`, not both.',
    });
  }
  if (state !== undefined && sizeOfDecodedBase64(state) > MAX_CHECKPOINT_BYTES) {
    throw new Refusal('CHECKPOINT_TOO_LARGE');
  }
}

/** Number of bytes that a base64 text encodes, computed without decoding it. */
function sizeOfDecodedBase64(base64: string): number {
  const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0;
  return Math.floor((base64.length * 3) / 4) - padding;
}
