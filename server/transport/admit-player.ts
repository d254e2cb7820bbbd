import type { ErrorCode } from '@duskline/protocol/codes';
import type { Player } from '../broker/broker.js';
import type { Authenticate } from './authenticate.js';

/** A player, as the token says. */
export interface AuthenticatedPlayer {
  readonly playerId: string;
  readonly tier: string;
}

/** Signs and verifies tokens that stand for a player's token, once. `auth/` provides it. */
export interface ResumeTokens {
  /** @param expiresAtMs of the token whose place it takes; absent when the player showed a player token */
  sign(player: AuthenticatedPlayer, expiresAtMs?: number): string;
  verify(token: string):
    | {
        readonly ok: true;
        readonly resumed: AuthenticatedPlayer & {
          readonly tokenId: string;
          readonly expiresAtMs: number;
          readonly rememberMs: number;
        };
      }
    | { readonly ok: false; readonly code: ErrorCode };
}

/** What a client showed. */
export interface Credentials {
  readonly token: string | undefined;
  readonly resumeToken: string | undefined;
}

export type Admission =
  | { readonly ok: true; readonly player: Player }
  | { readonly ok: false; readonly code: ErrorCode; readonly message?: string };

/** Says who a client is. Rejects as the store does when it is needed and cannot be reached. */
export type AdmitPlayer = (credentials: Credentials) => Promise<Admission>;

export interface AdmissionOptions {
  readonly authenticate: Authenticate<AuthenticatedPlayer>;
  readonly resumeTokens: ResumeTokens;
  /** Whether the token is used for the first time, on any broker; with that it is used. The store provides it. */
  readonly markTokenUsed: (playerId: string, tokenId: string, ttlMs: number) => Promise<boolean>;
}

/**
 * Admits players by their token, by a resume token in its place, or by both. Whatever is shown has to be good, and
 * everybody admitted gets a fresh resume token.
 *
 * A resume token is used up last, when nothing else can refuse the client any more: a client that is refused for
 * another reason, or because the store is away, still has it.
 */
export function createPlayerAdmission({
  authenticate,
  resumeTokens,
  markTokenUsed: spend,
}: AdmissionOptions): AdmitPlayer {
  function admit(player: AuthenticatedPlayer, expiresAtMs?: number): Admission {
    const { playerId, tier } = player;
    return { ok: true, player: { playerId, tier, resumeToken: resumeTokens.sign(player, expiresAtMs) } };
  }

  return async ({ token, resumeToken }) => {
    if (resumeToken === undefined) {
      const shown = await authenticate(token);
      return shown.ok ? admit(shown.principal) : shown;
    }
    const checked = resumeTokens.verify(resumeToken);
    if (!checked.ok) return checked;
    const { resumed } = checked;
    const shown = token === undefined ? undefined : await authenticate(token);
    if (shown?.ok === false) return shown;
    if (shown !== undefined && shown.principal.playerId !== resumed.playerId) {
      return { ok: false, code: 'RESUME_TOKEN_INVALID' };
    }
    const first = await spend(resumed.playerId, resumed.tokenId, resumed.rememberMs);
    if (!first) return { ok: false, code: 'RESUME_TOKEN_USED' };
    // A player token that was shown as well is newer word of the issuer's: its tier counts, and time starts anew.
    return shown === undefined ? admit(resumed, resumed.expiresAtMs) : admit(shown.principal);
  };
}
