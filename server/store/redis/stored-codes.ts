import type { EndReason } from '@duskline/protocol/vocabulary';
import type { StoredState } from '../../domain/session-state.js';

/**
 * One-letter codes of states and reasons in session records, so that scripts find every field at a fixed offset. Part of the
 * stored format: codes may be added, but a code that was in use must never get another meaning.
 */
export const STATE_CODES: Readonly<Record<StoredState, string>> = {
  offered: 'o',
  reserved: 'r',
  active: 'a',
  connected: 'c',
  disconnected: 'd',
  moving: 'm',
  arriving: 'v',
  ended: 'e',
};

export const REASON_CODES: Readonly<Record<EndReason, string>> = {
  client_left: 'l',
  host_ended: 'h',
  reservation_expired: 'r',
  reconnect_expired: 'd',
  idle: 'i',
  max_length: 'm',
  host_lost: 'x',
  drain_deadline: 'n',
  superseded: 's',
  operator: 'o',
  move_failed: 'f',
  error: 'e',
};

const STATES_BY_CODE = byCode(STATE_CODES);
const REASONS_BY_CODE = byCode(REASON_CODES);

export function stateOfCode(code: string): StoredState | undefined {
  return STATES_BY_CODE.get(code);
}

export function reasonOfCode(code: string): EndReason | undefined {
  return REASONS_BY_CODE.get(code);
}

function byCode<T extends string>(codes: Readonly<Record<T, string>>): ReadonlyMap<string, T> {
  return new Map((Object.entries(codes) as [T, string][]).map(([name, code]) => [code, name]));
}
