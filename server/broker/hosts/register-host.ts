import type { BrokerToHost, HeldSession, Register } from '@duskline/protocol';
import type { Channel, HostConnection } from '../connections/connections.js';
import type { RegionPool } from '../../domain/catalog.js';
import { isReversible } from '../../domain/session-state.js';
import type { RegistrationOutcome, SessionRecord } from '../../store/fleet-store.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Connections } from '../connections/ports.js';
import type { Credentials } from '../credentials.js';
import { notifyAllOfEnd } from '../messaging/session-events.js';
import { sendControlMessage } from '../messaging/send-control-message.js';
import { dispatchToHost } from '../messaging/notify-host.js';
import { HostSessions } from '../connections/host-sessions.js';
import { Refusal } from '../refusal.js';
import { expectsClient } from '../sessions/expects-client.js';
import { sendReservations } from './send-reservations.js';
import type { Events } from '../messaging/broker-events.js';
import type { Reporting } from '../reporting.js';

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
 * @throws Refusal FORBIDDEN, UNKNOWN_REGION, UNKNOWN_POOL, TOO_MANY_SESSIONS, BAD_MESSAGE or UNAVAILABLE
 */
export async function registerHost(
  context: BrokerSettings & StoreAccess & Events & Reporting & Connections & Credentials,
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
    sessions: new HostSessions(sessions),
    knowsEnds: false,
    mustReconcile: false,
    endsUnderWay: new Set(),
  };

  const { endpointChanged, exceedsSlots } = await storeRegistration(context, host);
  host.mustReconcile = exceedsSlots;
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
    await endFinishedSessions(context, host);
    host.knowsEnds = true;
    // Read after that, so that it has every reservation that was not sent to the host until now.
    const assigned = await context.store.listHostSessions(regionPool, hostId);
    // Those that do not fit any more get other hosts first, with its first heartbeat.
    if (!host.mustReconcile) sendReservations(context, host, assigned);
    if (endpointChanged) await notifyClientsOfEndpoint(context, regionPool, assigned);
  } catch (error) {
    // The registration fails after all, so no later disconnect removes this connection.
    context.connections.removeHost(host);
    throw error;
  }
  return host;
}

/** Registers the host in the store: at registration, and again when the store no longer knows it. */
export async function storeRegistration(
  context: StoreAccess,
  host: HostConnection,
): Promise<RegistrationOutcome> {
  const { hostId, slots, endpoint } = host.registration;
  return context.store.registerHost(host.regionPool, {
    hostId,
    connectionId: host.channel.connectionId,
    slots,
    endpoint,
  });
}

/** Answers `leave`: removes the host at once. Its sessions end with `host_ended`. */
export async function unregisterHost(
  context: BrokerSettings & StoreAccess & Events & Reporting & Connections,
  host: HostConnection,
): Promise<void> {
  const { regionPool, registration, channel } = host;
  const ended = await context.store.removeHost(regionPool, registration.hostId, channel.connectionId);
  context.connections.removeHost(host);
  context.log.info({ ...regionPool, hostId: registration.hostId, sessions: ended.length }, 'host left');
  notifyAllOfEnd(context, regionPool, ended);
}

/** @throws Refusal BAD_MESSAGE when the host lists a session twice */
export function checkSessionList(sessions: readonly HeldSession[]): void {
  if (new Set(sessions.map(({ sessionId }) => sessionId)).size < sessions.length) {
    throw new Refusal('BAD_MESSAGE', { message: '/sessions lists a session twice.' });
  }
}

/**
 * Ends sessions that the host still lists and that have ended meanwhile: their slots may be reserved already, so the host gets
 * `end` before the `prepare` of the next session. A session that it may keep (`isReversible`) waits for its first heartbeat.
 */
async function endFinishedSessions({ store }: StoreAccess, host: HostConnection): Promise<void> {
  const { listed } = host.sessions;
  if (listed.length === 0) return;
  const records = await store.getSessions(
    host.regionPool,
    listed.map(({ sessionId }) => sessionId),
  );
  listed.forEach(({ sessionId, epoch }, i) => {
    const record = records[i];
    if (record?.state !== 'ended' || record.epoch < epoch) return;
    const reason = record.reason ?? 'error';
    if (isReversible(reason)) return;
    dispatchToHost(host, sessionId, { type: 'ended', epoch, reason });
  });
}

/** Tells the clients that are about to connect to the host where it is now. */
async function notifyClientsOfEndpoint(
  context: BrokerSettings & StoreAccess & Events,
  regionPool: RegionPool,
  assigned: readonly SessionRecord[],
): Promise<void> {
  const waiting = assigned.filter((session) => session.clientBrokerId !== '' && expectsClient(session));
  await Promise.all(
    waiting.map(({ sessionId, epoch, clientBrokerId }) =>
      sendControlMessage(context, regionPool, clientBrokerId, { type: 'endpoint_changed', sessionId, epoch }),
    ),
  );
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
  checkSessionList(sessions);
}
