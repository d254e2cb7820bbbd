import { regionPoolName, type RegionPool } from '../../domain/catalog.js';
import type { MoveEntry } from '../../domain/move-entry.js';
import { renderTable } from '../output/text-table.js';

/** Every move in a line of a table. */
export function renderMoves(moves: readonly MoveEntry[]): string {
  if (moves.length === 0) return 'No session has been moved yet.\n';
  const rows = moves.map((move) => [
    // The same on every terminal, and as it stands in logs.
    new Date(move.atMs).toISOString(),
    move.sessionId,
    hostName(move.from),
    hostName(move.to),
    move.cause,
    move.unclaimed ? `${move.outcome}, unclaimed` : move.outcome,
    tookTime(move.tookMs),
    move.failure ?? withoutRoute(move.reason),
  ]);
  return renderTable(['at', 'session', 'from', 'to', 'cause', 'outcome', 'took', 'why'], rows);
}

function hostName({ hostId, ...place }: RegionPool & { readonly hostId: string | null }): string {
  return hostId === null ? regionPoolName(place) : `${regionPoolName(place)}/${hostId}`;
}

/** Reasons begin with who goes where, up to a colon: the other columns say that. */
function withoutRoute(reason: string): string {
  const end = reason.indexOf(': ');
  return end === -1 ? reason : reason.slice(end + 2);
}

function tookTime(ms: number): string {
  return ms < 1_000 ? `${ms} ms` : `${(ms / 1_000).toFixed(1)} s`;
}
