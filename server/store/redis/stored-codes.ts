import type { EndReason } from '@duskline/protocol/vocabulary';
import type { StoredState } from '../../domain/session-state.js';
import { REVOCABLE_REASONS } from '../contracts/sessions.js';

/**
 * The letters that stand for states and reasons in session records, so that scripts find everything at fixed places.
 * Part of the stored format: letters may be added, but one that was in use never means anything else.
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

/** The revocable reasons as scripts get them: each with a comma behind it. */
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
