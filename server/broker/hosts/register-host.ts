import type { BrokerToHost, HeldSession, Register } from '@duskline/protocol';
import type { Channel, HostConnection } from '../connections/connections.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { CorePorts } from '../core-ports.js';
import type { Connections } from '../connections/ports.js';
import type { Credentials } from '../credentials.js';
import { notifyAllOfEnd } from '../messaging/session-events.js';
import { notifyHost } from '../messaging/notify-host.js';
import { Refusal } from '../refusal.js';

/** Restrictions that a host token sets. `auth/` reads them from the token. */
export interface HostBinding {
  readonly region: string;
  readonly pool: string;
  /** The only host id that is allowed; `null` allows any. */
  readonly hostId: string | null;
}

/**
 * Answers `register`: registers the host in the store, and makes this connection the host's only one.
 *
 * @throws Refusal FORBIDDEN, UNKNOWN_REGION, UNKNOWN_POOL, TOO_MANY_SESSIONS or UNAVAILABLE
 */
export async function registerHost(
  context: CorePorts & Connections & Credentials,
  channel: Channel<BrokerToHost>,
  binding: HostBinding,
  registration: Register,
): Promise<HostConnection> {
  checkRegistration(context, binding, registration);
  const { region, pool, hostId, sessions } = registration;
  const regionPool = { region, pool };
  const host: HostConnection = {
    channel,
    regionPool,
    registration,
    heldSessions: heldSessionsFrom(sessions),
    lastSentEpochs: new Map(),
    movableEpochs: new Map(),
  };

  await storeRegistration(context, host);
  context.connections.addHost(host)?.channel.closeWith('CONNECTION_REPLACED');
  context.fleet.forgetHost(regionPool, hostId);
  channel.send({
    type: 'registered',
    hostId,
    ticketKey: context.tickets.hostKey(regionPool, hostId).toString('base64url'),
    heartbeatIntervalMs: context.limits.heartbeatIntervalMs,
    pingIntervalMs: context.limits.pingIntervalMs,
  });
  context.log.info(
    { ...regionPool, hostId, slots: registration.slots, sessions: sessions.length },
    'host registered',
  );
  try {
    // No reconciliation yet: the host first reports sessions that ended meanwhile. Its first heartbeat reconciles.
    await notifyReservations(context, host);
  } catch (error) {
    // The registration fails after all, so no later disconnect removes this connection.
    context.connections.removeHost(host);
    throw error;
  }
  return host;
}

/** Registers the host in the store: at registration, and again when the store no longer knows it. */
export async function storeRegistration(context: StoreAccess, host: HostConnection): Promise<void> {
  const { hostId, slots, endpoint } = host.registration;
  await context.store.registerHost(host.regionPool, {
    hostId,
    connectionId: host.channel.connectionId,
    slots,
    endpoint,
  });
}

/** Answers `leave`: removes the host at once. Its sessions end with `host_ended`. */
export async function unregisterHost(context: CorePorts & Connections, host: HostConnection): Promise<void> {
  const { regionPool, registration, channel } = host;
  const ended = await context.store.removeHost(regionPool, registration.hostId, channel.connectionId);
  context.connections.removeHost(host);
  context.log.info({ ...regionPool, hostId: registration.hostId, sessions: ended.length }, 'host left');
  notifyAllOfEnd(context, regionPool, ended);
}

export function heldSessionsFrom(sessions: readonly HeldSession[]): HostConnection['heldSessions'] {
  return new Map(sessions.map(({ sessionId, epoch, state }) => [sessionId, { epoch, state }]));
}

/** Sends the host its reservations: those made while it was on another connection may not have reached it. */
async function notifyReservations(
  context: BrokerSettings & StoreAccess,
  host: HostConnection,
): Promise<void> {
  const sessions = await context.store.listHostSessions(host.regionPool, host.registration.hostId);
  for (const session of sessions) if (session.state === 'reserved') notifyHost(context, host, session);
}

function checkRegistration(context: BrokerSettings, binding: HostBinding, registration: Register): void {
  const { region, pool, hostId, slots, sessions } = registration;
  if (region !== binding.region || pool !== binding.pool) {
    throw new Refusal('FORBIDDEN', {
      message: `The token allows region ${binding.region} and pool ${binding.pool} only.`,
    });
  }
  if (binding.hostId !== null && binding.hostId !== hostId) {
    throw new Refusal('FORBIDDEN', { message: `The token is for host ${binding.hostId}.` });
  }
  if (!context.catalog.regions.has(region)) throw new Refusal('UNKNOWN_REGION');
  if (!context.catalog.pools.has(pool)) throw new Refusal('UNKNOWN_POOL');
  if (sessions.length > slots) throw new Refusal('TOO_MANY_SESSIONS');
}
