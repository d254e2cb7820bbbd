import type { ErrorCode } from '@duskline/protocol/codes';
import type { Player } from '../broker/broker.js';
import type { Authenticate } from './authenticate.js';

/** The player that a token names. */
export interface AuthenticatedPlayer {
  readonly playerId: string;
  readonly tier: string;
}

/** Signs and verifies resume tokens, each of which replaces a player token once. `auth/` provides it. */
export interface ResumeTokens {
  /** @param expiresAtMs expiry of the resume token that it replaces; absent if the player showed a player token */
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

/** The tokens of a client's `hello`. */
export interface HelloTokens {
  readonly token: string | undefined;
  readonly resumeToken: string | undefined;
}

/** The admitted player, with a new resume token, or the refusal. */
export type Admission =
  | { readonly ok: true; readonly player: Player }
  | {
      readonly ok: false;
      readonly code: ErrorCode;
      readonly message?: string;
      /** Milliseconds until another attempt with the same token may succeed, if that is known. */
      readonly retryAfterMs?: number;
    };

/** Authenticates a client. Rejects with `StoreUnavailableError` if the store is needed and cannot be reached. */
export type AdmitPlayer = (tokens: HelloTokens) => Promise<Admission>;

export interface AdmissionOptions {
  readonly authenticate: Authenticate<AuthenticatedPlayer>;
  readonly resumeTokens: ResumeTokens;
  /** Marks a resume token as used. Resolves to `false` if it was used before, on any broker. The store provides it. */
  readonly markTokenUsed: (playerId: string, tokenId: string, ttlMs: number) => Promise<boolean>;
}

/**
 * Admits players by a player token, a resume token, or both. Every token that is shown has to be valid. Each admitted player
 * gets a new resume token.
 *
 * The resume token is marked as used in the last step. A client that is refused for another reason, or because the store is
 * unreachable, can use it again.
 */
export function createPlayerAdmission({
  authenticate,
  resumeTokens,
  markTokenUsed,
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
    const first = await markTokenUsed(resumed.playerId, resumed.tokenId, resumed.rememberMs);
    if (!first) return { ok: false, code: 'RESUME_TOKEN_USED' };
    // A player token in addition is newer than the resume token: its tier applies, and the lifetime starts again.
    return shown === undefined ? admit(resumed, resumed.expiresAtMs) : admit(shown.principal);
  };
}
