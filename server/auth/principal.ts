import type { ErrorCode } from '@duskline/protocol/codes';

/** Scopes of tokens. None includes another: `ops:write` does not allow reading. */
export const SCOPES = ['play', 'host', 'ops:read', 'ops:write'] as const;
export type Scope = (typeof SCOPES)[number];

interface Authenticated {
  /** Known scopes of the token; unknown ones are left out. */
  readonly scopes: readonly Scope[];
  /** Expiry of the token, in milliseconds since 1970. */
  readonly expiresAtMs: number;
}

/** A player, with scope `play`. */
export interface PlayerPrincipal extends Authenticated {
  readonly kind: 'player';
  readonly playerId: string;
  /** Tier of the token, `default` if it names none. It may be missing in the configuration. */
  readonly tier: string;
}

/** A streaming host, with scope `host`. It may register in this region and pool only. */
export interface HostPrincipal extends Authenticated {
  readonly kind: 'host';
  /** Subject of the token, for logs. */
  readonly subject: string;
  readonly region: string;
  readonly pool: string;
  /** The only host id it may register with; `null` allows any. */
  readonly hostId: string | null;
}

/** A person or program that operates the fleet, with scope `ops:read` or `ops:write`. */
export interface OperatorPrincipal extends Authenticated {
  readonly kind: 'operator';
  readonly operatorId: string;
}

/** The type of a principal by its kind. */
export interface PrincipalOf {
  readonly player: PlayerPrincipal;
  readonly host: HostPrincipal;
  readonly operator: OperatorPrincipal;
}

export type PrincipalKind = keyof PrincipalOf;
export type Principal = PrincipalOf[PrincipalKind];

/** Why a token was refused. `UNAVAILABLE`: the key to verify it could not be fetched, so it may be valid. */
export interface Refusal {
  readonly ok: false;
  readonly code: Extract<
    ErrorCode,
    'UNAUTHENTICATED' | 'TOKEN_EXPIRED' | 'TOKEN_NOT_YET_VALID' | 'FORBIDDEN' | 'UNAVAILABLE'
  >;
  /** With `TOKEN_NOT_YET_VALID`: milliseconds until the token is valid. */
  readonly retryAfterMs?: number;
  /** For people and logs. Never contains the token or a part of it. */
  readonly message: string;
}

/** The bearer of a valid token, or why the token was refused. */
export type VerifyResult<P extends Principal> = { readonly ok: true; readonly principal: P } | Refusal;

/** Builds a refusal. */
export function refuse(code: Refusal['code'], message: string, retryAfterMs?: number): Refusal {
  return { ok: false, code, message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}
