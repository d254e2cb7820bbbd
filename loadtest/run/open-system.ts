import { randomBytes } from 'node:crypto';
import { BrokerFleet } from '../fleet/broker-fleet.js';
import { discoverRegions } from '../fleet/discover-regions.js';
import { LoadTestFailure } from '../fleet/load-test-failure.js';
import { LATENCY_STEPS, brokerConfig } from '../plan/broker-config.js';
import { selectRegions } from '../plan/simulated-regions.js';
import type { ServedFleet } from './plan-workers.js';
import type { RunOptions, SpawnedSystem, RunningSystem } from './run-options.js';

/** The only title and the only pool of brokers that the run starts. */
const TITLE = 'starfall';
const POOL = 'console-x';

/** The latency policies of brokers that the run started, for the history checker. */
export const SPAWNED_LATENCY_POLICIES = { [TITLE]: LATENCY_STEPS };

/** Starts brokers for the run. */
export async function spawnSystem(
  system: SpawnedSystem,
): Promise<{ readonly brokers: BrokerFleet; readonly servedFleet: ServedFleet }> {
  const { redisUrl, command, limits = {} } = system;
  const regions = selectRegions(system.regions);
  const authSecret = randomBytes(48).toString('base64');
  const brokers = await BrokerFleet.start({
    ...{ brokers: system.brokers, command, authSecret },
    config: brokerConfig({ regions, title: TITLE, pool: POOL, limits }),
    ...(redisUrl === undefined ? {} : { redisUrl }),
  });
  const urls = brokers.brokers.map(({ url }) => url.replace(/^http/, 'ws'));
  const tokens = system.createSigner(authSecret);
  const servedFleet = { urls, regions, title: TITLE, pool: POOL, tokens, playerTokens: undefined };
  return { brokers, servedFleet };
}

/**
 * Connects to brokers that run already, to check the tokens and to learn the open regions.
 *
 * @throws LoadTestFailure that says which token or region is missing, or which broker does not answer
 */
export async function connectToSystem(
  { title, pool, tokens, playerTokens, ...system }: RunningSystem,
  { device, clients }: Pick<RunOptions, 'device' | 'clients'>,
): Promise<ServedFleet> {
  const urls = system.urls.map((url) => url.replace(/^http/, 'ws').replace(/\/+$/, ''));
  if (playerTokens !== undefined && playerTokens.length < clients) {
    throw new LoadTestFailure(
      `The token file has ${playerTokens.length} tokens for ${clients} players. Add tokens, or use fewer --clients.`,
    );
  }
  const token = playerTokens?.[0] ?? tokens?.player('load-probe');
  if (token === undefined) {
    throw new LoadTestFailure('Players need tokens: give a token file, or the secret of the brokers.');
  }
  const known = await Promise.all(urls.map((url) => discoverRegions(url, token, device)));
  const regions = (known[0] ?? []).filter(({ state }) => state === 'open');
  if (regions.length === 0) {
    throw new LoadTestFailure(`No region is open at ${urls[0] ?? ''}. Open one with: duskline undrain`);
  }
  return { urls, regions, title, pool, tokens, playerTokens };
}
