import { Register } from '@duskline/protocol';
import { Type, type Static, type TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { DEFAULT_TIER } from '../domain/tiers.js';
import {
  refuse,
  SCOPES,
  type PrincipalKind,
  type PrincipalOf,
  type Refusal,
  type Scope,
  type VerifyResult,
} from './principal.js';

/** Pattern of the claim `sub`: at most 128 characters that need no escaping in logs and keys. */
export const SUBJECT_PATTERN = '^[A-Za-z0-9_.:@+=/~-]{1,128}$';

const { region: Name } = Register.properties;

/** Claims of every token. `exp` is required, since a token cannot be revoked. */
const CommonClaims = Type.Object({
  sub: Type.String({ pattern: SUBJECT_PATTERN }),
  /** Seconds since 1970; the year 9999 at most, so that milliseconds stay exact. */
  exp: Type.Number({ minimum: 0, maximum: 253_402_300_799 }),
  /** Space-separated, as in RFC 8693. */
  scope: Type.Optional(Type.String({ maxLength: 1024 })),
});
type CommonClaims = Static<typeof CommonClaims>;

/** Further claims of a player token. */
const PlayerClaims = Type.Object({ tier: Type.Optional(Name) });

/** Further claims of a host token. */
const HostClaims = Type.Object({ region: Name, pool: Name, hostId: Type.Optional(Name) });

const nameSchema = Compile(Name);
const commonClaims = Compile(CommonClaims);
const playerClaims = Compile(PlayerClaims);
const hostClaims = Compile(HostClaims);

/** Whether a text is a valid name of a region, pool, host or tier. */
export function isName(text: string): boolean {
  return nameSchema.Check(text);
}

/** Scopes by kind of token. A token must have one of them. */
const NEEDED_SCOPES = {
  player: ['play'],
  host: ['host'],
  operator: ['ops:read', 'ops:write'],
} as const satisfies Record<PrincipalKind, readonly Scope[]>;

type Reader<K extends PrincipalKind> = (
  claims: CommonClaims,
  scopes: readonly Scope[],
  payload: unknown,
) => VerifyResult<PrincipalOf[K]>;

const READERS: { readonly [K in PrincipalKind]: Reader<K> } = {
  player: (claims, scopes, payload) => {
    if (!playerClaims.Check(payload)) return invalidClaims(firstMistake(playerClaims, payload));
    const { tier = DEFAULT_TIER } = payload;
    return {
      ok: true,
      principal: { kind: 'player', playerId: claims.sub, tier, scopes, expiresAtMs: endOf(claims) },
    };
  },
  host: (claims, scopes, payload) => {
    if (!hostClaims.Check(payload)) {
      return refuse(
        'FORBIDDEN',
        `The host token names no region and pool: ${firstMistake(hostClaims, payload)}.`,
      );
    }
    const { region, pool, hostId = null } = payload;
    return {
      ok: true,
      principal: {
        kind: 'host',
        subject: claims.sub,
        region,
        pool,
        hostId,
        scopes,
        expiresAtMs: endOf(claims),
      },
    };
  },
  operator: (claims, scopes) => ({
    ok: true,
    principal: { kind: 'operator', operatorId: claims.sub, scopes, expiresAtMs: endOf(claims) },
  }),
};

/**
 * Reads the claims of a token whose signature, times, audience and issuer are already verified.
 *
 * @returns the bearer, or a refusal with UNAUTHENTICATED (claims not valid) or FORBIDDEN (scope, or region and pool missing)
 */
export function readClaims<K extends PrincipalKind>(kind: K, payload: unknown): VerifyResult<PrincipalOf[K]> {
  if (!commonClaims.Check(payload)) return invalidClaims(firstMistake(commonClaims, payload));
  const scopes = knownScopes(payload.scope ?? '');
  const needed: readonly Scope[] = NEEDED_SCOPES[kind];
  if (!needed.some((scope) => scopes.includes(scope))) {
    return refuse(
      'FORBIDDEN',
      `The token lacks the scope ${needed.map((scope) => `"${scope}"`).join(' or ')}.`,
    );
  }
  return READERS[kind](payload, scopes, payload);
}

function invalidClaims(mistake: string): Refusal {
  return refuse('UNAUTHENTICATED', `The token's claims are not valid: ${mistake}.`);
}

function knownScopes(scope: string): readonly Scope[] {
  const granted = new Set(scope.split(' '));
  return SCOPES.filter((known) => granted.has(known));
}

function endOf(claims: CommonClaims): number {
  return Math.floor(claims.exp * 1000);
}

/** The claim and the rule that it breaks, never its value, which may be personal or a misplaced secret. */
function firstMistake(validator: ReturnType<typeof Compile<TSchema>>, payload: unknown): string {
  const [first] = validator.Errors(payload);
  if (first === undefined) return 'they break a rule';
  const claim = first.instancePath.slice(1);
  return claim === '' ? first.message : `"${claim}" ${first.message}`;
}
