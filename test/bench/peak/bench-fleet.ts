import { createClient, type Client, type Session } from '@duskline/client/node';
import { createHost, type Host } from '@duskline/host';
import { startDuskline, type Duskline } from '@duskline/server/duskline.js';
import { loadConfig } from '@duskline/server/config/load-config.js';
import { TEST_ENV, testToken } from '../../support/fleet/test-broker.js';

/** A configuration with one title on one pool, whose latency policy always allows regions within 60 ms. */
export function benchConfig(
  regions: readonly string[],
  { rebalance = '{}', limits = '{}' }: { rebalance?: string; limits?: string } = {},
): string {
  return `
version: 1
regions:
${regions.map((region) => `  - { region: ${region}, name: ${region}, lat: 50, lon: 8, timeZone: Europe/Berlin }`).join('\n')}
pools:
  - { pool: console-x, platform: console, codecs: [hevc], maxResolution: 1080p, maxFps: 60, titles: [drift] }
titles:
  - { title: drift, name: Drift, latencyPolicy: near }
latencyPolicies:
  near: [{ afterMs: 0, maxRttMs: 60 }]
auth: { algorithms: [HS256] }
rebalance: ${rebalance}
limits: ${limits}
store: {}
listen: { host: 127.0.0.1, port: 0 }
log: { level: error }
`;
}

/** Prints errors only. */
export const ERRORS_ONLY = { error: console.error, warn: nothing, info: nothing, debug: nothing };

/** Starts a broker in this process with the memory store. */
export function startBenchBroker(config: string): Promise<Duskline> {
  return startDuskline({ config: loadConfig({ text: config, env: TEST_ENV }), log: ERRORS_ONLY });
}

export interface BenchHostOptions {
  readonly url: string;
  readonly region: string;
  readonly hostId: string;
  readonly slots: number;
  /** GPU load that the host reports, from 0 to 1. */
  readonly load?: () => number;
}

/** Connects a host whose sessions are movable and have no streams. */
export function openBenchHost({ url, region, hostId, slots, load = () => 0 }: BenchHostOptions): Host {
  return createHost({
    url,
    token: testToken({ kind: 'host', region, pool: 'console-x' }),
    hostId,
    region,
    pool: 'console-x',
    slots,
    endpoint: `ws://127.0.0.1:1/${hostId}`,
    movable: true,
    measureLoad: () => ({ gpu: load(), encoder: 0, cpu: 0, network: 0 }),
    onCheckpoint: () => ({ state: new Uint8Array(64) }),
    onRestore: () => true,
  });
}

/** A player without a stream, who accepts moves. The host admits the player at once. */
export class BenchPlayer {
  readonly client: Client;
  session: Session | undefined;

  constructor(
    url: string,
    readonly playerId: string,
    private readonly hosts: ReadonlyMap<string, Host>,
  ) {
    this.client = createClient({
      url,
      token: testToken({ kind: 'player', playerId }),
      device: { kind: 'console', codecs: ['hevc'], maxResolution: '1080p' },
    });
  }

  /** Resolves when the player has a session. No deadline. */
  async play(rtt: Record<string, number>, wait = true): Promise<void> {
    const session = await this.client.play({
      title: 'drift',
      rtt,
      wait,
      onMove: ({ host, ticket }) => this.#showTicket(host.hostId, ticket),
    });
    this.session = session;
    this.#showTicket(session.host.hostId, session.ticket);
    // A reservation may move to another host before its host has admitted the player.
    session.on('replaced', (host) => this.#showTicket(host.hostId, session.ticket));
  }

  #showTicket(hostId: string, ticket: string): void {
    const admission = this.hosts.get(hostId)?.admit(ticket);
    if (admission?.ok !== true)
      throw new Error(`The host did not admit the player: ${admission?.reason ?? 'no such host'}`);
    admission.session.reportConnected();
  }
}

function nothing(): void {
  // Intentionally empty.
}
