import type { RegionInfo } from '@duskline/protocol';
import { createSeededRandom, deriveSeed } from '@duskline/host/simulated';
import type { HostPlan, PlayerPlan, WorkerPlan } from '../drive/worker-messages.js';
import { LoadTestFailure } from '../fleet/load-test-failure.js';
import { hostName } from '../history/events.js';
import { sessionMsForUtilisation } from '../plan/profile.js';
import { rttToNearestRegions } from '../plan/simulated-regions.js';
import type { RunOptions, TokenSigner } from './run-options.js';

/** What the brokers of a run serve, and the tokens for it. */
export interface ServedFleet {
  readonly urls: readonly string[];
  readonly regions: readonly Pick<RegionInfo, 'region' | 'lat' | 'lon'>[];
  readonly title: string;
  readonly pool: string | undefined;
  readonly tokens: TokenSigner | undefined;
  readonly playerTokens: readonly string[] | undefined;
}

/** Assigns players and hosts to workers. Players live in random regions; hosts are assigned to the regions in turn. */
export function planWorkers(options: RunOptions, servedFleet: ServedFleet): WorkerPlan[] {
  const { workers, driver, seed, device } = options;
  const { urls, regions, title } = servedFleet;
  const runId = Date.now().toString(36);
  const players = planPlayers(options, servedFleet, runId);
  const hosts = planHosts(options, servedFleet, runId);
  const rtts = regions.map((home) => rttToNearestRegions(home, regions));
  const mine = <T>(list: readonly T[], index: number): T[] => list.filter((_, i) => i % workers === index);
  const hostOwners = Object.fromEntries(hosts.map(({ name }, i) => [name, i % workers]));
  return Array.from({ length: workers }, (_, index) => ({
    ...{ index, workers, runId, driver, seed, urls, title, device, rtts, hostOwners },
    players: mine(players, index),
    hosts: mine(hosts, index),
  }));
}

function planPlayers(
  { clients, seed, movableShare = 1 }: RunOptions,
  servedFleet: ServedFleet,
  runId: string,
): PlayerPlan[] {
  const { regions, tokens, playerTokens } = servedFleet;
  const random = createSeededRandom(deriveSeed(`${seed}/homes`));
  const randomMovable = createSeededRandom(deriveSeed(`${seed}/movers`));
  return Array.from({ length: clients }, (_, i) => {
    const home = Math.floor(random() * regions.length);
    const canMove = randomMovable() < movableShare;
    const given = playerTokens?.[i];
    if (given !== undefined) return { name: subjectOf(given), token: given, home, canMove };
    const name = `load-${runId}-${i}`;
    if (tokens === undefined)
      throw new LoadTestFailure('The token file has fewer tokens than there are --clients.');
    return { name, token: tokens.player(name), home, canMove };
  });
}

function planHosts(
  { hosts, slots }: RunOptions,
  { regions, pool, tokens }: ServedFleet,
  runId: string,
): HostPlan[] {
  if (hosts === 0) return [];
  if (pool === undefined || tokens === undefined) {
    throw new LoadTestFailure(
      'Simulated hosts need a pool, and the secret of the brokers for their tokens. Give both, or use --hosts 0.',
    );
  }
  const signed = new Map(regions.map(({ region }) => [region, tokens.host(region, pool)]));
  return Array.from({ length: hosts }, (_, i) => {
    const region = regions[i % regions.length]?.region ?? '';
    const hostId = `load-${runId}-${i}`;
    const token = signed.get(region) ?? '';
    return { name: hostName(region, pool, hostId), hostId, region, pool, slots, token };
  });
}

/** Mean length of sessions at a rate of arrivals, in milliseconds: as given, or so that the fleet fills to 70 %. */
export function sessionMsOf({ sessionMs, hosts, slots, clients }: RunOptions, ratePerSecond: number): number {
  const capacity = hosts === 0 ? clients : Math.min(hosts * slots, clients);
  return sessionMs ?? sessionMsForUtilisation(capacity, ratePerSecond);
}

/** The subject (`sub`) of a token. The brokers verify the token. */
function subjectOf(token: string): string {
  try {
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')) as {
      sub?: unknown;
    };
    if (typeof claims.sub === 'string') return claims.sub;
  } catch {
    // Reported below, as for a token without a subject.
  }
  throw new LoadTestFailure('One line of the token file is not a JWT with a subject (`sub`).');
}
