import { metaOf, sessionIdOf } from '../../support/fleet/fleet-data.js';
import { SUSPECT_AFTER_MS } from '../fixture.js';
import type { Call, ModelContext, Step } from './model-step.js';

function fixedStep(name: string, prepare: (context: ModelContext) => Call): Step {
  return { prepare, toString: () => name };
}

const sendHeartbeat = (hostId: string, measured: number): Step =>
  fixedStep(`heartbeat of ${hostId}`, ({ regionPool, hostAt }) => {
    const digest = hostAt(hostId)?.digest ?? 0;
    return (store) =>
      store.recordHeartbeats(regionPool, [{ hostId, connectionId: 'broker-a.1', measured, digest }]);
  });

const passTime = (ms: number): Step =>
  fixedStep(`${ms} ms`, ({ advance }) => {
    advance(ms);
    return () => Promise.resolve(undefined);
  });

/**
 * The excluded host is the least congested one and above the limit. Then no later host is acceptable, and a silent one among
 * them does not become suspect.
 */
export const EXCLUDED_HOST_ABOVE_LIMIT: Step[] = [
  sendHeartbeat('host-a', 250_000),
  sendHeartbeat('host-b', 600_000),
  sendHeartbeat('host-c', 1_300_000),
  passTime(SUSPECT_AFTER_MS),
  sendHeartbeat('host-a', 250_000),
  fixedStep('reserve a target slot', ({ regionPool }) => {
    const sessionId = sessionIdOf(0);
    const reservation = { sessionId, epoch: 2, clientBrokerId: 'broker-a', meta: metaOf(sessionId) };
    const requirements = { excludedHostId: 'host-a', maxCongestion: 0 };
    return (store) => store.reserveTargetSlot(regionPool, reservation, requirements, 3_000, 'broker-a');
  }),
];
