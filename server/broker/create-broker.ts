import type { RegionInfo } from '@duskline/protocol';
import type { RandomSource } from '../runtime/runtime.js';
import { createLoops } from './background/loops.js';
import type { Broker, BrokerOptions } from './broker.js';
import { ClientConnection } from './connections/connections.js';
import { createContext } from './create-context.js';
import { createHeartbeatReceiver } from './hosts/receive-heartbeats.js';
import { receiveSessionReport } from './hosts/receive-session-report.js';
import { registerHost, unregisterHost } from './hosts/register-host.js';
import { listenToEvents } from './listen-to-events.js';
import { pollAllInboxes, pollInbox } from './messaging/poll-inbox.js';
import { relayLimitWarning, relayToClient, relayToHost } from './messaging/relay-signals.js';
import { declineMove } from './moves/client/decline-move.js';
import { createMoveRunner } from './moves/runner/create-move-runner.js';
import { receiveCheckpoint } from './moves/source-host/checkpoint-on-source.js';
import { receiveCannotMove } from './moves/receive-cannot-move.js';
import { receiveRestored } from './moves/target-host/restore-on-target.js';
import { createOperations } from './operations/create-operations.js';
import { readFleetStatus } from './operations/fleet-status.js';
import { createTierChooser } from './placement/choose-tier.js';
import { cancelPlay } from './placement/cancel-request.js';
import { endSession } from './placement/end-session.js';
import { play } from './placement/play.js';
import { createRequestRunner } from './placement/request-runner.js';
import { acceptOffer } from './queue/accept-offer.js';
import { toRefusal } from './refusal.js';
import type { BrokerSettings } from './settings.js';
import type { StoreAccess } from './store-access/ports.js';

/** Creates a broker from its use cases. The broker is not ready, and its loops do not run, before `start`. */
export function createBroker(options: BrokerOptions): Broker {
  const base = createContext(options, options.brokerId ?? newBrokerId(options.random));
  const context = { ...base, moveRunner: createMoveRunner(base), requestRunner: createRequestRunner(base) };
  listenToEvents(context);
  const { brokerId, limits, store, connections, activeRequests } = context;
  const heartbeats = createHeartbeatReceiver(context);
  const loops = createLoops(context, options.rebalancer ?? null);
  const chooseTier = createTierChooser(options.tiers, options.log);
  let phase: 'new' | 'started' | 'stopping' | 'stopped' = 'new';
  let connectionCount = 0;

  return {
    brokerId,
    get ready() {
      return phase === 'started' && context.storeHealth.isReachable;
    },
    get connections() {
      const { clientCount, hostCount } = connections;
      return { clients: clientCount, hosts: hostCount, waiting: activeRequests.waitingCount };
    },

    async start() {
      await context.storeClock.synchronise();
      await store.onWakeUp(brokerId, (regionPool) => {
        pollInbox(context, regionPool).catch((error: unknown) => {
          if (toRefusal(error).code !== 'UNAVAILABLE')
            context.log.error({ err: error }, 'inbox could not be read after a wake-up');
        });
      });
      await pollAllInboxes(context);
      loops.start();
      phase = 'started';
    },
    prepareStop() {
      phase = 'stopping';
    },
    async stop() {
      phase = 'stopped';
      heartbeats.stop();
      context.moveRunner.stop();
      context.repeatedCalls.stop();
      await loops.stop();
    },
    nextConnectionId: () => `${brokerId}.${(connectionCount += 1)}`,

    awaitConnectTurn: () => context.connectLimiter.waitForTurn(),
    openClient(channel, { playerId, tier, resumeToken }, hello, beaconUrl) {
      const client = new ClientConnection({
        channel,
        playerId,
        tier: chooseTier(tier),
        device: hello.device,
        resumed: hello.resumeToken !== undefined,
      });
      connections.addClient(client);
      channel.send({
        type: 'welcome',
        connectionId: channel.connectionId,
        playerId,
        regions: regionInfos(context, beaconUrl),
        pingIntervalMs: limits.pingIntervalMs,
        resumeToken,
      });
      return client;
    },
    play: (client, message) => play(context, client, message),
    acceptOffer: (client, message) => acceptOffer(context, client, message),
    cancelPlay: (client, message) => cancelPlay(context, client, message),
    endSession: (client, message) => endSession(context, client, message),
    relayClientSignal: (client, message) => relayToHost(context, client, message),
    declineMove: (client, message) => declineMove(context, client, message),
    closeClient(client) {
      connections.removeClient(client);
      for (const session of [...client.sessions.values()])
        context.sessionRunner.dispatch(session, { type: 'disconnected' });
      for (const request of activeRequests.ofClient(client)) {
        context.requestRunner.dispatch(request, { type: 'disconnected' });
      }
    },

    openHost: (channel, binding, message) => registerHost(context, channel, binding, message),
    handleHostMessage(host, message) {
      switch (message.type) {
        case 'heartbeat':
          heartbeats.receive(host, message);
          return;
        case 'session':
          return receiveSessionReport(context, host, message);
        case 'signal':
          return relayToClient(context, host, message);
        case 'limit':
          return relayLimitWarning(context, host, message);
        case 'checkpoint':
          return receiveCheckpoint(context, host, message);
        case 'restored':
          return receiveRestored(context, host, message);
        case 'cannot_move':
          return receiveCannotMove(context, host, message);
        case 'leave':
          return unregisterHost(context, host);
      }
    },
    closeHost: (host) => connections.removeHost(host),

    status: () => readFleetStatus(context),
    operations: createOperations(context),
  };
}

/** Eight random characters out of 32 (40 bits): a collision between the brokers of one store is practically impossible. */
function newBrokerId(random: RandomSource): string {
  const bytes = new Uint8Array(8);
  random.fill(bytes);
  return Array.from(bytes, (byte) => 'abcdefghijkmnpqrstuvwxyz23456789'.charAt(byte % 32)).join('');
}

function regionInfos(context: BrokerSettings & StoreAccess, ownBeaconUrl: string): RegionInfo[] {
  return [...context.catalog.regions.values()].map(({ region, name, lat, lon, timeZone, beaconUrl }) => ({
    region,
    name,
    lat,
    lon,
    timeZone,
    beaconUrl: beaconUrl ?? ownBeaconUrl,
    state: context.fleet.regionState(region),
  }));
}
