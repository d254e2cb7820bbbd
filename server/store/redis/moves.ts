import type { MoveEntry } from '../../domain/move-entry.js';
import { targetReservationIdOf } from '../../domain/target-reservation.js';
import {
  CHECKPOINT_KEPT_MS,
  MOVES_KEPT,
  type CompleteMoveOutcome,
  type MoveStore,
  type ReserveTargetOutcome,
} from '../contracts/moves.js';
import { MAX_BATCH, inGroups } from './batches.js';
import {
  StoredFormatError,
  decodeEnded,
  decodeEndReason,
  decodeSession,
  encodeMeta,
  texts,
} from './records.js';
import type { RedisContext } from './redis-context.js';

/** Moves in Redis. */
export function createRedisMoves({ redis, keys, runInPool, command, getTimeMs }: RedisContext): MoveStore {
  return {
    async reserveTargetSlot(regionPool, reservation, { excludedHostId, maxCongestion }, ttlMs) {
      const { sessionId, epoch, clientBrokerId, meta } = reservation;
      const reply = await runInPool('moves/reserve-target-slot', regionPool, {
        reservationId: targetReservationIdOf(sessionId),
        epoch,
        coordinatorId: clientBrokerId,
        meta: encodeMeta(meta),
        ttlMs,
        excludedHostId: excludedHostId ?? '',
        maxCongestion,
      });
      return decodeReserveTarget(reply);
    },

    async completeMove(regionPool, completion, ttlMs, callerId) {
      const { sessionId, epoch, hostId, state, clientBrokerId, seq } = completion;
      const reply = await runInPool('moves/complete-move', regionPool, {
        callerId,
        sessionId,
        reservationId: targetReservationIdOf(sessionId),
        epoch,
        hostId,
        state,
        reservationMs: ttlMs,
        clientBrokerId,
        seq,
      });
      return decodeCompleteMove(sessionId, reply);
    },

    async releaseTargetSlot(regionPool, sessionId, epoch, callerId) {
      const args = { callerId, reservationId: targetReservationIdOf(sessionId), epoch };
      const reply = await runInPool('moves/release-target-slot', regionPool, args);
      return decodeEnded(reply)[0] ?? null;
    },

    async putCheckpoint(regionPool, sessionId, epoch, state) {
      const key = keys.checkpoint(regionPool, sessionId, epoch);
      await command(() => redis.set(key, state, 'PX', CHECKPOINT_KEPT_MS));
    },

    takeCheckpoint: (regionPool, sessionId, epoch) =>
      command(() => redis.getdel(keys.checkpoint(regionPool, sessionId, epoch))),

    async recordMovableChanges(regionPool, changes) {
      for (const batch of inGroups(changes, MAX_BATCH)) {
        await runInPool('moves/record-movable-changes', regionPool, {
          sessionIds: batch.map(({ sessionId }) => sessionId),
          epochs: batch.map(({ epoch }) => epoch),
          hostIds: batch.map(({ hostId }) => hostId),
          movable: batch.map(({ movable }) => movable),
        });
      }
    },

    async recordMove(entry) {
      const key = keys.moves(entry.from.region);
      const line = JSON.stringify({ atMs: await getTimeMs(), ...entry });
      await command(() => redis.lpush(key, line));
      await command(() => redis.ltrim(key, 0, MOVES_KEPT - 1));
    },

    async listMoves(region, limit) {
      const lines = await command(() => redis.lrange(keys.moves(region), 0, limit - 1));
      return lines.map((line) => JSON.parse(line) as MoveEntry);
    },
  };
}

function decodeReserveTarget(reply: unknown): ReserveTargetOutcome {
  const [kind, hostId = '', hostConnectionId = ''] = texts(reply);
  switch (kind) {
    case 'reserved':
      return { kind: 'reserved', hostId, hostConnectionId };
    case 'full':
    case 'closed':
    case 'over':
      return { kind };
    default:
      throw new StoredFormatError(`unexpected "${kind}"`);
  }
}

function decodeCompleteMove(sessionId: string, reply: unknown): CompleteMoveOutcome {
  const [kind, detail = ''] = texts(reply);
  switch (kind) {
    case 'arrived':
      return { kind: 'moved', session: decodeSession(sessionId, detail) };
    case 'over':
      return { kind, reason: decodeEndReason(detail) };
    case 'unknown':
      return { kind };
    default:
      throw new StoredFormatError(`unexpected "${kind}"`);
  }
}
