import type { ErrorCode } from '@duskline/protocol/codes';

/** What a token may allow. None includes another: `ops:write` does not read. */
export const SCOPES = ['play', 'host', 'ops:read', 'ops:write'] as const;
export type Scope = (typeof SCOPES)[number];

interface Authenticated {
  /** The scopes the token grants that Duskline knows; others are left out. */
  readonly scopes: readonly Scope[];
  /** When the token ends, in milliseconds since 1970. */
  readonly expiresAtMs: number;
}

/** A player, by scope `play`. */
export interface PlayerPrincipal extends Authenticated {
  readonly kind: 'player';
  readonly playerId: string;
  /** The class of player it names, `default` when it names none. The configuration need not have it. */
  readonly tier: string;
}

/** A streaming host, by scope `host`. It may register in this region and pool only. */
export interface HostPrincipal extends Authenticated {
  readonly kind: 'host';
  /** Whom the token was given to, for logs. */
  readonly subject: string;
  readonly region: string;
  readonly pool: string;
  /** The only host id it may register with; `null` allows any. */
  readonly hostId: string | null;
}

/** A person or program that operates the fleet, by scope `ops:read` or `ops:write`. */
export interface OperatorPrincipal extends Authenticated {
  readonly kind: 'operator';
  readonly operatorId: string;
}

export interface PrincipalOf {
  readonly player: PlayerPrincipal;
  readonly host: HostPrincipal;
  readonly operator: OperatorPrincipal;
}

export type PrincipalKind = keyof PrincipalOf;
export type Principal = PrincipalOf[PrincipalKind];

/** Why a token was refused. `UNAVAILABLE` says nothing about the token: its key could not be fetched. */
export interface Refusal {
  readonly ok: false;
  readonly code: Extract<ErrorCode, 'UNAUTHENTICATED' | 'TOKEN_EXPIRED' | 'FORBIDDEN' | 'UNAVAILABLE'>;
  /** For people and logs. Never holds the token or a part of it. */
  readonly message: string;
}

export type VerifyResult<P extends Principal> = { readonly ok: true; readonly principal: P } | Refusal;

/** Builds a refusal. */
export function refuse(code: Refusal['code'], message: string): Refusal {
  return { ok: false, code, message };
}
