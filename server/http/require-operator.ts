import type { Request, RequestHandler, Response } from 'express';
import type { Operator } from '../broker/drain/drain-orders.js';
import { Refusal } from '../broker/refusal.js';
import type { Authenticate } from '../transport/authenticate.js';

/** Scopes of operator tokens: reading, and giving orders. Neither includes the other. */
export type OperatorScope = 'ops:read' | 'ops:write';

/** Returns the authenticator of operator tokens with the given scope. */
export type AuthenticateOperator = (scope: OperatorScope) => Authenticate<{ readonly operatorId: string }>;

/**
 * Middleware that admits operators whose token has the scope. Put it before body parsers, so that bodies of unauthenticated
 * requests are not parsed.
 *
 * @throws Refusal UNAUTHENTICATED, TOKEN_EXPIRED, TOKEN_NOT_YET_VALID, FORBIDDEN, UNAVAILABLE
 */
export function requireOperator(
  authenticateOperator: AuthenticateOperator,
  scope: OperatorScope,
): RequestHandler {
  const authenticate = authenticateOperator(scope);
  return async (request, response, next) => {
    const token = /^Bearer (\S+)$/i.exec(request.get('authorization') ?? '')?.[1];
    const result = await authenticate(token);
    if (!result.ok) {
      const { code, ...details } = result;
      throw new Refusal(code, details);
    }
    const operator: Operator = { operatorId: result.principal.operatorId, from: addressOf(request) };
    response.locals['operator'] = operator;
    next();
  };
}

/** The operator that `requireOperator` has admitted. */
export function operatorOf(response: Response): Operator {
  return response.locals['operator'] as Operator;
}

/**
 * Remote address of the socket, for the audit trail. `Forwarded` headers are ignored, since every client can send them.
 */
function addressOf(request: Request): string {
  // A dual-stack socket has IPv4 peers as IPv4-mapped addresses (RFC 4291, section 2.5.5.2).
  return (request.socket.remoteAddress ?? 'unknown').replace(/^::ffff:(?=\d+\.)/, '');
}
