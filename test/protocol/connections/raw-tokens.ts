import { createHmac } from 'node:crypto';
import { TEST_ENV, testToken } from '../../support/fleet/test-broker.js';

const SECRET = TEST_ENV.DUSKLINE_AUTH_SECRET;

interface RawToken {
  readonly header?: object;
  readonly claims?: object;
  readonly secret?: string | null;
  readonly hash?: 'sha256' | 'sha512';
}

/** Builds a JWT by hand, for tokens that no library signs. */
function rawToken({ header, claims, secret = SECRET, hash = 'sha256' }: RawToken): string {
  const signed = [{ alg: 'HS256', typ: 'JWT', ...header }, claims ?? {}]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const signature = secret === null ? '' : createHmac(hash, secret).update(signed).digest('base64url');
  return `${signed}.${signature}`;
}

const nowS = (): number => Math.floor(Date.now() / 1000);

export type Bearer = 'player' | 'host';

/** The claims of a valid token. Tests change one at a time. */
function goodClaims(bearer: Bearer): Record<string, unknown> {
  const exp = nowS() + 3600;
  return bearer === 'player'
    ? { sub: 'alice', aud: 'duskline', scope: 'play', exp }
    : { sub: 'near/console-x', aud: 'duskline', scope: 'host', region: 'near', pool: 'console-x', exp };
}

/** A valid token that is built like the refused ones. It shows that those are refused for their faults only. */
export function handMadeToken(bearer: Bearer): string {
  return rawToken({ claims: goodClaims(bearer) });
}

/** A token that becomes valid this long after the tolerance of the test fleets, 5 s, and within the second before that. */
export function earlyToken(bearer: Bearer, earlyS: number): string {
  return rawToken({ claims: { ...goodClaims(bearer), nbf: nowS() + 5 + earlyS } });
}

/** Tokens that the broker must refuse, and the codes of the errors. */
export function refusedTokens(
  bearer: Bearer,
): Readonly<Record<string, readonly [token: string, code: string]>> {
  const good = goodClaims(bearer);
  const { exp: _exp, ...endless } = good;
  const { aud: _aud, ...forNobody } = good;
  const { scope: _scope, ...unscoped } = good;
  const spoiled = (claims: object): string => rawToken({ claims: { ...good, ...claims } });
  return {
    'that is not a token': ['not-a-token-but-long-enough', 'UNAUTHENTICATED'],
    'of three empty parts': ['..................', 'UNAUTHENTICATED'],
    'signed with another secret': [rawToken({ claims: good, secret: 'x'.repeat(48) }), 'UNAUTHENTICATED'],
    'that has expired': [spoiled({ exp: nowS() - 3600 }), 'TOKEN_EXPIRED'],
    'without an expiry': [rawToken({ claims: endless }), 'UNAUTHENTICATED'],
    'that is valid in an hour': [spoiled({ nbf: nowS() + 3600 }), 'UNAUTHENTICATED'],
    'that is valid in half a minute': [spoiled({ nbf: nowS() + 35 }), 'TOKEN_NOT_YET_VALID'],
    'of algorithm none': [
      rawToken({ header: { alg: 'none' }, claims: good, secret: null }),
      'UNAUTHENTICATED',
    ],
    'of algorithm none, but signed': [rawToken({ header: { alg: 'none' }, claims: good }), 'UNAUTHENTICATED'],
    'that claims RS256, signed with the secret': [
      rawToken({ header: { alg: 'RS256' }, claims: good }),
      'UNAUTHENTICATED',
    ],
    'of HS512, with the right secret': [
      rawToken({ header: { alg: 'HS512' }, claims: good, hash: 'sha512' }),
      'UNAUTHENTICATED',
    ],
    'with a critical extension': [
      rawToken({ header: { crit: ['b64'], b64: false }, claims: good }),
      'UNAUTHENTICATED',
    ],
    'for another audience': [spoiled({ aud: 'another-service' }), 'UNAUTHENTICATED'],
    'for no audience': [rawToken({ claims: forNobody }), 'UNAUTHENTICATED'],
    'of a subject with a line break': [spoiled({ sub: 'a\nb' }), 'UNAUTHENTICATED'],
    'without a scope': [rawToken({ claims: unscoped }), 'FORBIDDEN'],
    'with a scope that only begins with the right one': [spoiled({ scope: 'player hosts' }), 'FORBIDDEN'],
    'of the other channel': [
      bearer === 'player'
        ? testToken({ kind: 'host', region: 'near', pool: 'console-x' })
        : testToken({ kind: 'player', playerId: 'alice' }),
      'FORBIDDEN',
    ],
    'of an operator': [
      testToken({ kind: 'operator', operatorId: 'olivia', scopes: ['ops:read', 'ops:write'] }),
      'FORBIDDEN',
    ],
    ...(bearer === 'host'
      ? { 'that names no region': [spoiled({ region: undefined }), 'FORBIDDEN'] as const }
      : {}),
  };
}
