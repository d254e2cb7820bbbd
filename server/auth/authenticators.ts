import { refuse, type PrincipalKind, type PrincipalOf, type Scope, type VerifyResult } from './principal.js';
import type { TokenVerifier } from './token-verifier.js';

/** Resolves to the bearer of a token, or to the reason of its refusal. */
type Authenticator<K extends PrincipalKind> = (
  token: string | undefined,
) => Promise<VerifyResult<PrincipalOf[K]>>;

/** An authenticator for bearers of one kind. A missing token is refused with `UNAUTHENTICATED`. */
export function createAuthenticator<K extends PrincipalKind>(
  verifier: TokenVerifier,
  kind: K,
): Authenticator<K> {
  return async (token) =>
    token === undefined
      ? refuse(
          'UNAUTHENTICATED',
          'The token is missing. Send one in the first message or in the Authorization header.',
        )
      : verifier.verify(kind, token);
}

/** An authenticator for operators whose token has this scope. `ops:write` does not include `ops:read`, nor the reverse. */
export function createOperatorAuthenticator(
  verifier: TokenVerifier,
  scope: Extract<Scope, 'ops:read' | 'ops:write'>,
): Authenticator<'operator'> {
  const authenticate = createAuthenticator(verifier, 'operator');
  return async (token) => {
    const result = await authenticate(token);
    if (!result.ok || result.principal.scopes.includes(scope)) return result;
    return refuse('FORBIDDEN', `The token lacks the scope ${scope}.`);
  };
}
