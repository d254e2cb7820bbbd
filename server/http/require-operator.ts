import type { Request, RequestHandler, Response } from 'express';
import type { Operator } from '../broker/drain/drain-orders.js';
import { Refusal } from '../broker/refusal.js';
import type { Authenticate } from '../transport/authenticate.js';

/** What a token allows an operator: to look, or to give orders. Neither includes the other. */
export type OperatorScope = 'ops:read' | 'ops:write';

/** The check of operators' tokens for one scope. */
export type AuthenticateOperator = (scope: OperatorScope) => Authenticate<{ readonly operatorId: string }>;

/**
 * Lets operators pass whose token grants the scope. Stands before whatever reads a body: strangers make nobody parse.
 *
 * @throws Refusal UNAUTHENTICATED, TOKEN_EXPIRED, FORBIDDEN, UNAVAILABLE
 */
export function requireOperator(
  authenticateOperator: AuthenticateOperator,
  scope: OperatorScope,
): RequestHandler {
  const authenticate = authenticateOperator(scope);
  return async (request, response, next) => {
    const token = /^Bearer (\S+)$/i.exec(request.get('authorization') ?? '')?.[1];
    const result = await authenticate(token);
    if (!result.ok) throw new Refusal(result.code, { message: result.message });
    const operator: Operator = { operatorId: result.principal.operatorId, from: addressOf(request) };
    response.locals['operator'] = operator;
    next();
  };
}

/** Who passed `requireOperator`. */
export function operatorOf(response: Response): Operator {
  return response.locals['operator'] as Operator;
}

/**
 * The address at the other end of the socket. What `Forwarded` headers say is not asked: anybody can send them, and the
 * audit trail is for what is known.
 */
function addressOf(request: Request): string {
  // A socket that listens on IPv6 and IPv4 shows IPv4 peers in mapped form (RFC 4291, section 2.5.5.2).
  return (request.socket.remoteAddress ?? 'unknown').replace(/^::ffff:(?=\d+\.)/, '');
}
