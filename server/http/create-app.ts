import { ERRORS } from '@duskline/protocol/codes';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import type { Broker } from '../broker/broker.js';
import type { Logger } from '../broker/logger.js';
import type { Operations } from '../broker/operations/operations.js';
import { Refusal, retryAfterOf, toRefusal } from '../broker/refusal.js';
import type { RandomSource } from '../runtime/runtime.js';
import type { Metrics } from './metrics.js';
import { createOperatorRoutes } from './operator-routes.js';
import { requireOperator, type AuthenticateOperator } from './require-operator.js';

/** The collaborators of the HTTP app. */
export interface AppOptions {
  readonly broker: Pick<Broker, 'ready' | 'status'>;
  readonly operations: Operations;
  readonly metrics: Pick<Metrics, 'contentType' | 'text'>;
  readonly log: Logger;
  readonly authenticateOperator: AuthenticateOperator;
  readonly random: Pick<RandomSource, 'number'>;
}

/** Creates the HTTP app of a broker: health checks, metrics, the beacon, and the operator API under `/v1`. */
export function createApp(options: AppOptions): Express {
  const { broker, operations, metrics, log, authenticateOperator, random } = options;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');

  // Liveness and readiness are separate: a broker that cannot reach its store must not be restarted (livekit/livekit#4663).
  app.get('/healthz', (_request, response) => void response.json({ status: 'ok' }));
  app.get('/readyz', (_request, response) => {
    if (broker.ready) response.json({ status: 'ready' });
    else response.status(503).json({ status: 'not ready' });
  });

  app.get('/metrics', async (_request, response) => {
    response.type(metrics.contentType).send(await metrics.text());
  });

  // Pages of any origin may measure round-trip times here; caches would falsify them.
  app.get('/beacon', (_request, response) => {
    response.set({
      'Access-Control-Allow-Origin': '*',
      'Timing-Allow-Origin': '*',
      'Cache-Control': 'no-store',
    });
    response.status(204).end();
  });

  app.get('/v1/status', requireOperator(authenticateOperator, 'ops:read'), async (_request, response) => {
    response.json(await broker.status());
  });
  app.use('/v1', createOperatorRoutes(operations, authenticateOperator));

  app.use((_request, response) => sendRefusal(response, new Refusal('NOT_FOUND'), random));
  app.use((error: unknown, _request: Request, response: Response, _next: NextFunction) => {
    const refusal = toRefusal(error);
    if (refusal.code === 'INTERNAL') log.error({ err: error }, 'an HTTP request failed');
    if (!response.headersSent) sendRefusal(response, refusal, random);
  });
  return app;
}

function sendRefusal(response: Response, refusal: Refusal, random: Pick<RandomSource, 'number'>): void {
  const { code, message } = refusal;
  const retryAfterMs = retryAfterOf(refusal, random);
  const { httpStatus } = ERRORS[code];
  // A 401 has to name the authentication scheme (RFC 9110, section 15.5.2).
  if (httpStatus === 401) response.set('WWW-Authenticate', 'Bearer');
  // In whole seconds (section 10.2.3), rounded up, since an early retry would be refused again.
  if (retryAfterMs !== undefined) response.set('Retry-After', String(Math.ceil(retryAfterMs / 1000)));
  response.status(httpStatus).json({ error: { code, message } });
}
