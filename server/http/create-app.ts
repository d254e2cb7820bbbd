import { ERRORS, type ErrorCode } from '@duskline/protocol/codes';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import type { Broker } from '../broker/create-broker.js';
import type { Logger } from '../broker/logger.js';
import { toRefusal } from '../broker/refusal.js';
import type { Authenticate } from '../transport/authenticate.js';
import type { Metrics } from './metrics.js';

export interface AppOptions {
  readonly broker: Broker;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly authenticateReader: Authenticate<{ readonly operatorId: string }>;
}

/** The HTTP side of a broker: health, metrics, the beacon, and what operators ask. */
export function createApp({ broker, metrics, log, authenticateReader }: AppOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');

  // "This process lives" and "this process should get traffic" are two questions (livekit/livekit#4663).
  app.get('/healthz', (_request, response) => void response.json({ status: 'ok' }));
  app.get('/readyz', (_request, response) => {
    if (broker.ready) response.json({ status: 'ready' });
    else response.status(503).json({ status: 'not ready' });
  });

  app.get('/metrics', async (_request, response) => {
    response.type(metrics.contentType).send(await metrics.text());
  });

  // Browsers measure regions from any page: the beacon has nothing to protect and must not be cached.
  app.get('/beacon', (_request, response) => {
    response.set({
      'Access-Control-Allow-Origin': '*',
      'Timing-Allow-Origin': '*',
      'Cache-Control': 'no-store',
    });
    response.status(204).end();
  });

  app.get('/v1/status', async (request, response) => {
    const token = /^Bearer (\S+)$/i.exec(request.get('authorization') ?? '')?.[1];
    const result = await authenticateReader(token);
    if (!result.ok) {
      sendError(response, result.code, result.message);
      return;
    }
    response.json(await broker.status());
  });

  app.use((_request, response) => sendError(response, 'NOT_FOUND'));
  app.use((error: unknown, _request: Request, response: Response, _next: NextFunction) => {
    const refusal = toRefusal(error);
    if (refusal.code === 'INTERNAL') log.error({ err: error }, 'an HTTP request failed');
    if (!response.headersSent) sendError(response, refusal.code, refusal.message);
  });
  return app;
}

function sendError(response: Response, code: ErrorCode, message: string = ERRORS[code].message): void {
  const { httpStatus } = ERRORS[code];
  // RFC 9110, section 15.5.2: a 401 says how to authenticate.
  if (httpStatus === 401) response.set('WWW-Authenticate', 'Bearer');
  response.status(httpStatus).json({ error: { code, message } });
}
