import { Router } from 'express';
import type { Operations } from '../broker/operations/operations.js';
import { DrainBody, HostBody, TargetBody, toDrainOrder, toLimit, toTarget } from './order-schemas.js';
import { bodyReader, jsonBody } from './read-body.js';
import { operatorOf, requireOperator, type AuthenticateOperator } from './require-operator.js';

/** Creates the routes of the operator API: drains, cordons, moves and the audit trail. A `Refusal` goes to the app's error handler. */
export function createOperatorRoutes(
  operations: Operations,
  authenticateOperator: AuthenticateOperator,
): Router {
  const router = Router();
  const mayRead = requireOperator(authenticateOperator, 'ops:read');
  const mayWrite = requireOperator(authenticateOperator, 'ops:write');
  const readDrain = bodyReader(DrainBody);
  const readTarget = bodyReader(TargetBody);
  const readHost = bodyReader(HostBody);

  router.get('/drains', mayRead, async (_request, response) => {
    response.json({ drains: await operations.drains() });
  });

  router.post('/drains', mayWrite, jsonBody, async (request, response) => {
    const body = readDrain(request);
    const order = toDrainOrder(body);
    if (body.dryRun === true) response.json(await operations.previewDrain(order));
    else response.status(201).json(await operations.drain(order, operatorOf(response)));
  });

  router.post('/undrain', mayWrite, jsonBody, async (request, response) => {
    response.json(await operations.undrain(toTarget(readTarget(request).target), operatorOf(response)));
  });

  router.post('/cordon', mayWrite, jsonBody, async (request, response) => {
    await operations.cordon(readHost(request).target, operatorOf(response));
    response.status(204).end();
  });

  router.post('/uncordon', mayWrite, jsonBody, async (request, response) => {
    await operations.uncordon(readHost(request).target, operatorOf(response));
    response.status(204).end();
  });

  router.get('/moves', mayRead, async (request, response) => {
    response.json({ moves: await operations.moves(toLimit(request.query['limit'])) });
  });

  router.get('/audit', mayRead, async (request, response) => {
    response.json({ entries: await operations.auditTrail(toLimit(request.query['limit'])) });
  });

  return router;
}
