import { toUnixMs } from '../../domain/store-time.js';
import { regionPoolName, type RegionPool } from '../../domain/catalog.js';
import type { MoveEntry } from '../../domain/move-entry.js';
import { renderTable } from '../output/text-table.js';

/** A table with a line for each move. */
export function renderMoves(moves: readonly MoveEntry[]): string {
  if (moves.length === 0) return 'No session has been moved yet.\n';
  const rows = moves.map((move) => [
    // In UTC, as in logs.
    new Date(toUnixMs(move.atMs)).toISOString(),
    move.sessionId,
    hostName(move.from),
    hostName(move.to),
    move.cause,
    move.unclaimed ? `${move.outcome}, unclaimed` : move.outcome,
    formatTook(move.tookMs),
    move.failure ?? withoutRoute(move.reason),
  ]);
  return renderTable(['at', 'session', 'from', 'to', 'cause', 'outcome', 'took', 'why'], rows);
}

function hostName({ hostId, ...regionPool }: RegionPool & { readonly hostId: string | null }): string {
  return hostId === null ? regionPoolName(regionPool) : `${regionPoolName(regionPool)}/${hostId}`;
}

/** Removes the beginning of a reason, up to a colon: it names the hosts, which other columns show. */
function withoutRoute(reason: string): string {
  const end = reason.indexOf(': ');
  return end === -1 ? reason : reason.slice(end + 2);
}

function formatTook(ms: number): string {
  return ms < 1_000 ? `${ms} ms` : `${(ms / 1_000).toFixed(1)} s`;
}
