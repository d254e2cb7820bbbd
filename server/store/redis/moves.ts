import { END_REASONS, type EndReason } from '@duskline/protocol/vocabulary';
import type { Cluster, Redis } from 'ioredis';
import type { RegionPool } from '../../domain/catalog.js';
import { targetReservationIdOf } from '../../domain/target-reservation.js';
import { INBOX_MAX_BYTES } from '../fleet-store.js';
import {
  CHECKPOINT_KEPT_MS,
  type CompleteMoveOutcome,
  type ReserveTargetOutcome,
  type MoveStore,
} from '../contracts/moves.js';
import type { KeySpace } from './keys.js';
import {
  StoredFormatError,
  decodeEnded,
  decodeMeta,
  decodeSession,
  encodeMeta,
  inGroups,
  oneOf,
  texts,
} from './records.js';
import type { PoolScript } from './scripts.js';

/** What moves need of the store they belong to. */
export interface MovesContext {
  readonly redis: Redis | Cluster;
  readonly keys: KeySpace;
  readonly run: (
    name: PoolScript,
    place: RegionPool,
    callerId: string,
    args: readonly (string | number)[],
  ) => Promise<unknown>;
  /** Runs a command; whatever keeps Redis from answering becomes `StoreUnavailableError`. */
  readonly command: <T>(command: () => Promise<T>) => Promise<T>;
}

/** One script call notes at most so many sessions. */
const MAX_BATCH = 256;

export function createMoves({ redis, keys, run, command }: MovesContext): MoveStore {
  return {
    async reserveTargetSlot(place, { sessionId, epoch, clientBrokerId, meta }, wish, ttlMs, callerId) {
      const args = [targetReservationIdOf(sessionId), epoch, clientBrokerId, encodeMeta(meta), ttlMs];
      const { avoidHostId, maxCongestion } = wish;
      return decodeReserveTarget(
        await run('moves/reserve-target-slot', place, callerId, [...args, avoidHostId ?? '', maxCongestion]),
      );
    },

    async completeMove(place, { sessionId, epoch, hostId, state, clientBrokerId }, ttlMs, callerId) {
      const args = [sessionId, targetReservationIdOf(sessionId), epoch, hostId, state, ttlMs, clientBrokerId];
      return decodeCompleteMove(sessionId, await run('moves/complete-move', place, callerId, args));
    },

    async releaseTargetSlot(place, sessionId, epoch, callerId) {
      const reply = await run('moves/release-target-slot', place, callerId, [
        targetReservationIdOf(sessionId),
        epoch,
      ]);
      return decodeEnded(reply)[0] ?? null;
    },

    async putCheckpoint(place, sessionId, epoch, state) {
      const key = keys.checkpoint(place, sessionId, epoch);
      await command(() => redis.set(key, state, 'PX', CHECKPOINT_KEPT_MS));
    },

    takeCheckpoint: (place, sessionId, epoch) =>
      command(() => redis.getdel(keys.checkpoint(place, sessionId, epoch))),

    async recordMovableChanges(place, notes) {
      for (const batch of inGroups(notes, MAX_BATCH)) {
        const args = batch.flatMap(({ hostId, sessionId, epoch, movable }) => [
          sessionId,
          epoch,
          hostId,
          movable ? 1 : 0,
        ]);
        await run('moves/record-movable-changes', place, '', args);
      }
    },

    async scanSessions(place, cursor, count) {
      const [sessions = ''] = keys.pool(place).slice(4);
      const [next, fields] = await command(() => redis.hscan(sessions, cursor ?? '0', 'COUNT', count));
      const pairs = inGroups(fields, 2);
      return {
        sessions: pairs.map(([sessionId = '', record = '']) => decodeSession(sessionId, record)),
        next: next === '0' ? null : next,
      };
    },

    async listWaitingPlacements(place, limit) {
      const [queue = '', waiting = ''] = keys.pool(place).slice(10);
      const ids = await command(() => redis.zrange(queue, '0', String(limit - 1)));
      if (ids.length === 0) return [];
      const records = await command(() => redis.hmget(waiting, ...ids));
      return ids.flatMap((sessionId, i) => {
        const record = records[i];
        // Served between the two commands.
        return typeof record === 'string' ? [{ sessionId, ...decodeQueuedPlacement(record) }] : [];
      });
    },

    sendControlMessage: async (place, brokerId, body) =>
      Number(await run('inbox/send-control-message', place, '', [brokerId, INBOX_MAX_BYTES, body])) === 1,
  };
}

function decodeReserveTarget(reply: unknown): ReserveTargetOutcome {
  const [kind, hostId = '', hostConnectionId = ''] = texts(reply);
  switch (kind) {
    case 'held':
      return { kind, hostId, hostConnectionId };
    case 'full':
    case 'closed':
    case 'over':
      return { kind };
    default:
      throw new StoredFormatError(`unexpected "${String(kind)}"`);
  }
}

function decodeCompleteMove(sessionId: string, reply: unknown): CompleteMoveOutcome {
  const [kind, detail = ''] = texts(reply);
  switch (kind) {
    case 'arrived':
      return { kind, session: decodeSession(sessionId, detail) };
    case 'over':
      return { kind, reason: oneOf<EndReason>(END_REASONS, detail) };
    case 'unknown':
      return { kind };
    default:
      throw new StoredFormatError(`unexpected "${String(kind)}"`);
  }
}

/** Reads what `lua/shared/pool-changes.lua` writes of those who wait. */
function decodeQueuedPlacement(record: string): {
  epoch: number;
  arrivedAtMs: number;
  meta: ReturnType<typeof decodeMeta>;
} {
  const match = /^(\d+)\|(\d+)\|-?\d+\|\d\|[^|]*\|(.*)$/s.exec(record);
  if (match === null) throw new StoredFormatError('a waiting placement is not readable');
  const [, epoch, arrivedAtMs, meta = ''] = match;
  return { epoch: Number(epoch), arrivedAtMs: Number(arrivedAtMs), meta: decodeMeta(meta) };
}
