import { FULL, RAMP_TIME_CONSTANT_MS } from '../../../domain/congestion.js';
import { FAILURES_KEPT_MS, type BackOff } from '../../../domain/host-failures.js';
import { REVERSIBLE_REASONS } from '../../../domain/session-state.js';
import { INBOX_KEPT_MS, INBOX_MAX_BYTES } from '../../contracts/inbox.js';
import { REQUESTS_PER_PLAYER, REQUEST_KEPT_MS } from '../../contracts/requests.js';
import { ENDED_KEPT_MS, LOST_FIRST_MS, MAX_LOST_FIRST } from '../../contracts/sessions.js';
import { RATE_MEMORY_MS } from '../../store-options.js';
import { REASON_CODES, STATE_CODES } from '../stored-codes.js';

/** What scripts know of the configuration. It never changes while a broker runs. */
export interface ScriptSettings {
  readonly suspectAfterMs: number;
  readonly offerMs: number;
  readonly resumeWindowMs: number;
  readonly backOff: BackOff;
  /** Stands before a broker's id in the name of its channel. */
  readonly wakeUpsPrefix: string;
}

const FIXED = {
  FAILURES_KEPT_MS,
  FULL,
  RAMP_TIME_CONSTANT_MS,
  ENDED_KEPT_MS,
  INBOX_KEPT_MS,
  INBOX_MAX_BYTES,
  LOST_FIRST_MS,
  MAX_LOST_FIRST,
  RATE_MEMORY_MS,
  REQUEST_KEPT_MS,
  REQUESTS_PER_PLAYER,
  REVERSIBLE_REASONS: REVERSIBLE_REASONS.map((reason) => `${reason},`).join(''),
  STATE_CODES: codeList(STATE_CODES),
  REASON_CODES: codeList(REASON_CODES),
  RESERVED_CODE: STATE_CODES.reserved,
  OFFERED_CODE: STATE_CODES.offered,
  ENDED_CODE: STATE_CODES.ended,
};

export type ScriptConstant =
  | keyof typeof FIXED
  | 'SUSPECT_AFTER_MS'
  | 'OFFER_MS'
  | 'RESUME_WINDOW_MS'
  | 'FIRST_BACK_OFF_MS'
  | 'MAX_BACK_OFF_MS'
  | 'WAKE_UPS_PREFIX';

/** Values that scripts share with TypeScript, under the names that they have in Lua. */
export type ScriptConstants = Readonly<Record<ScriptConstant, string | number>>;

/** @throws RangeError when the prefix has characters that would need escaping in Lua */
export function scriptConstants(settings: ScriptSettings): ScriptConstants {
  if (!/^[\w:.-]*$/.test(settings.wakeUpsPrefix)) {
    throw new RangeError(
      `the key prefix "${settings.wakeUpsPrefix}" may only have letters, digits, _ : . and -`,
    );
  }
  return {
    ...FIXED,
    SUSPECT_AFTER_MS: settings.suspectAfterMs,
    OFFER_MS: settings.offerMs,
    RESUME_WINDOW_MS: settings.resumeWindowMs,
    FIRST_BACK_OFF_MS: settings.backOff.firstMs,
    MAX_BACK_OFF_MS: settings.backOff.maxMs,
    WAKE_UPS_PREFIX: settings.wakeUpsPrefix,
  };
}

/** `,name=code,name=code`: one text, because a table would be made anew at every call. */
function codeList(codes: Readonly<Record<string, string>>): string {
  return Object.entries(codes)
    .map(([name, code]) => `,${name}=${code}`)
    .join('');
}
