import { msBetween } from '../../domain/store-time.js';
import type { AuditAction } from '../../domain/audit-entry.js';
import type { OrderTarget } from '../../domain/drain.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { MoveRunnerPort } from '../rebalance/move-runner.js';
import type { Operator } from '../drain/drain-orders.js';
import type { Operations } from './operations.js';
import { checkHostTarget } from '../drain/check-drain-order.js';
import { orderDrain, orderUndrain, createDrainReport } from '../drain/order-drain.js';
import { previewDrain } from '../drain/preview-drain.js';
import { toRefusal } from '../refusal.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { Events } from '../messaging/broker-events.js';
import type { Reporting } from '../reporting.js';

/** Order of drains in lists: running ones first. */
const STATE_ORDER = { running: 0, done: 1, undone: 2 } as const;

/** Carries out operators' orders. Each order is recorded in the audit trail, also when it is refused. */
export function createOperations(
  context: BrokerSettings & Runtime & StoreAccess & Events & Reporting & MoveRunnerPort,
): Operations {
  const { store } = context;

  async function runAudited<T>(
    action: AuditAction,
    target: OrderTarget,
    { operatorId, from }: Operator,
    details: object,
    order: () => Promise<T>,
  ): Promise<T> {
    const record = (result: string): Promise<void> =>
      store.recordAuditEntry({ operatorId, from, action, target, details: JSON.stringify(details), result });
    try {
      const answer = await order();
      await record('ok');
      context.log.info({ action, ...target, operatorId }, 'order carried out');
      return answer;
    } catch (error) {
      const { code } = toRefusal(error);
      // When the store is unreachable, the log is the only record.
      await record(code).catch(() => undefined);
      context.log.warn({ action, ...target, operatorId, code }, 'order refused');
      throw error;
    }
  }

  return {
    drain(order, operator) {
      const { target, ...details } = order;
      return runAudited('drain', target, operator, details, () => orderDrain(context, order, operator));
    },
    previewDrain: (order) => previewDrain(context, order),
    undrain: (target, operator) =>
      runAudited('undrain', target, operator, {}, () => orderUndrain(context, target)),
    cordon: (target, operator) =>
      runAudited('cordon', target, operator, {}, () => setCordon(context, target, 'addClosure')),
    uncordon: (target, operator) =>
      runAudited('uncordon', target, operator, {}, () => setCordon(context, target, 'removeClosure')),
    async drains() {
      const found = await Promise.all(
        [...context.catalog.regions.keys()].map((region) => store.listDrains(region)),
      );
      const reports = await Promise.all(found.flat().map((drain) => createDrainReport(context, drain)));
      return reports.sort(
        (a, b) => STATE_ORDER[a.state] - STATE_ORDER[b.state] || msBetween(a.orderedAtMs, b.orderedAtMs),
      );
    },
    async moves(limit) {
      const regions = [...context.catalog.regions.keys()];
      const found = await Promise.all(regions.map((region) => store.listMoves(region, limit)));
      return found
        .flat()
        .sort((a, b) => msBetween(a.atMs, b.atMs))
        .slice(0, limit);
    },
    auditTrail: (limit) => store.listAuditEntries(limit),
  };
}

async function setCordon(
  context: BrokerSettings & StoreAccess,
  target: OrderTarget,
  change: 'addClosure' | 'removeClosure',
): Promise<void> {
  await checkHostTarget(context, target);
  const { region, pool, hostId } = target;
  if (pool !== null) await context.store[change]({ region, pool }, hostId, 'cordoned');
}
