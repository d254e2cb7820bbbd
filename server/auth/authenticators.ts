import { refuse, type PrincipalKind, type PrincipalOf, type Scope, type VerifyResult } from './principal.js';
import type { TokenVerifier } from './token-verifier.js';

/** Says whose a token is, or why it is nobody's. */
type Authenticator<K extends PrincipalKind> = (
  token: string | undefined,
) => Promise<VerifyResult<PrincipalOf[K]>>;

/** For bearers of one kind. No token at all is a refusal that says so. */
export function createAuthenticator<K extends PrincipalKind>(
  verifier: TokenVerifier,
  kind: K,
): Authenticator<K> {
  return async (token) =>
    token === undefined
      ? refuse('UNAUTHENTICATED', 'A token is needed, and none was sent.')
      : verifier.verify(kind, token);
}

/** For operators whose token grants this scope: `ops:write` does not read, and `ops:read` orders nothing. */
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
