import type { EndReason } from '@duskline/protocol/vocabulary';
import type { StoredState } from '../../domain/session-state.js';
import { REVOCABLE_REASONS } from '../contracts/sessions.js';

/**
 * The letters for states and reasons in session records, so that scripts find every field at a fixed offset. Part of the
 * stored format: letters may be added, but a letter that was in use must never get another meaning.
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

/** The revocable reasons as scripts get them: each followed by a comma. */
export const REVOCABLE_LIST = REVOCABLE_REASONS.map((reason) => `${reason},`).join('');

const STATES_BY_CODE = byCode(STATE_CODES);
const REASONS_BY_CODE = byCode(REASON_CODES);

export function stateOfCode(letter: string): StoredState | undefined {
  return STATES_BY_CODE.get(letter);
}

export function reasonOfCode(letter: string): EndReason | undefined {
  return REASONS_BY_CODE.get(letter);
}

function byCode<T extends string>(letters: Readonly<Record<T, string>>): ReadonlyMap<string, T> {
  return new Map((Object.entries(letters) as [T, string][]).map(([word, letter]) => [letter, word]));
}
