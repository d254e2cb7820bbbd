import { expect } from 'chai';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { createMemoryStore, type MemoryStore } from '@duskline/server/store/memory/memory-store.js';
import { createKeySpace } from '@duskline/server/store/redis/keys.js';
import { createRedisStore } from '@duskline/server/store/redis/redis-store.js';
import {
  REQUESTS_PER_PLAYER,
  type FleetStore,
  type RequestEntry,
  type RequestRecord,
} from '@duskline/server/store/fleet-store.js';
import { REGION_POOL, newSessionId } from '../../support/fleet/fleet-data.js';
import { ManualClock } from '../../support/time/manual-clock.js';
import { sharedRedis, uniquePrefix } from '../../support/redis/redis-server.js';
import { MODEL_RULES } from '../model/model-step.js';

const SEQUENCES = 150;
const REQUEST_IDS = Array.from({ length: REQUESTS_PER_PLAYER + 2 }, (_, i) => `request-${i}`);

/** A request as one broker believes it to be: what it was told last. */
interface Belief {
  readonly entry: RequestEntry;
  epoch: number;
}

/** A store, and a way to read what it has of a player without its verbs. */
interface Side {
  readonly store: FleetStore;
  dump(playerId: string): Promise<string>;
}

/** One player, whose requests two brokers handle on one store. */
class Player {
  /** By broker. */
  readonly #beliefs: Belief[][] = [[], []];
  /** Every epoch that a caller was given, by session. */
  readonly #given = new Map<string, Set<number>>();

  constructor(
    readonly side: Side,
    readonly playerId: string,
  ) {}

  /** What a broker would record now. */
  entry({ number, sessionId }: BrokerStep): RequestEntry {
    return { playerId: this.playerId, requestId: REQUEST_IDS[number]!, sessionId, regionPool: REGION_POOL };
  }

  /** One of the requests that the broker knows, or `undefined`. */
  belief(broker: number, pick: number): Belief | undefined {
    const known = this.#beliefs[broker]!;
    return known[pick % Math.max(1, known.length)];
  }

  learn(broker: number, belief: Belief): void {
    this.#beliefs[broker]!.unshift(belief);
  }

  /** Notes an epoch that was given for a session. */
  give(sessionId: string, epoch: number): void {
    const given = this.#given.get(sessionId) ?? new Set();
    expect([...given], `epoch ${epoch} of ${sessionId} was given before`).to.not.include(epoch);
    this.#given.set(sessionId, given.add(epoch));
  }

  /** The epochs that were given for a session, the first one first. */
  epochsOf(sessionId: string): number[] {
    return [...(this.#given.get(sessionId) ?? [])].sort((a, b) => a - b);
  }

  /** The store starts anew with the epochs of a session when it remembers no request of it. */
  async noteForgotten({ sessionId }: RequestEntry): Promise<void> {
    const isRemembered = (await this.find()).some((record) => record?.sessionId === sessionId);
    if (!isRemembered) this.#given.delete(sessionId);
  }

  find(): Promise<readonly (RequestRecord | null)[]> {
    const keys = REQUEST_IDS.map((requestId) => ({ playerId: this.playerId, requestId }));
    return this.side.store.findRequests(keys);
  }

  async live(): Promise<{ requestId: string; record: RequestRecord } | undefined> {
    const found = (await this.find()).flatMap((record, i) =>
      record?.state === 'live' ? [{ requestId: REQUEST_IDS[i]!, record }] : [],
    );
    expect(found.length, 'live requests').to.be.at.most(1);
    return found[0];
  }
}

/** A step of a broker. Returns what the store answered, so that two stores can be compared. */
interface BrokerStep {
  readonly name: string;
  readonly broker: number;
  readonly number: number;
  readonly pick: number;
  readonly flag: boolean;
  /** Of the session that a request would become. */
  readonly sessionId: string;
}

type Act = (player: Player, step: BrokerStep) => Promise<unknown>;

const ACTS: Readonly<Record<string, Act>> = {
  async record(player, step) {
    const entry = player.entry(step);
    const [outcome] = await player.side.store.recordRequests([entry]);
    if (outcome!.kind === 'new') {
      player.give(entry.sessionId, 1);
      player.learn(step.broker, { entry, epoch: 1 });
    }
    return outcome;
  },
  async replace(player, step) {
    const entry = player.entry(step);
    const { broker, pick, flag } = step;
    const known = player.belief(broker, pick);
    if (known === undefined) return undefined;
    const before = await player.live();
    const expected = flag ? null : { sessionId: known.entry.sessionId, epoch: known.epoch };
    const outcome = await player.side.store.replaceLiveRequest(entry, expected);
    if (outcome.kind === 'replaced') {
      const { requestId, sessionId, epoch } = outcome.before;
      expect({ requestId, sessionId }).to.deep.equal({
        requestId: before!.requestId,
        sessionId: before!.record.sessionId,
      });
      if (expected !== null) expect(before!.record).to.include(expected);
      player.give(sessionId, epoch);
    }
    if (outcome.kind === 'replaced' || outcome.kind === 'new') {
      player.give(entry.sessionId, 1);
      player.learn(broker, { entry, epoch: 1 });
    }
    return outcome;
  },
  async resume(player, step) {
    const { broker, pick, flag } = step;
    const known = player.belief(broker, pick);
    if (known === undefined) return undefined;
    const before = await player.live();
    const { requestId } = player.entry(step);
    const expected = { sessionId: known.entry.sessionId, epoch: known.epoch };
    const key = { playerId: player.playerId, requestId };
    const outcome = await player.side.store.resumeLiveRequest(key, expected, flag);
    if (outcome.kind === 'resumed' && before?.requestId !== requestId) {
      const { sessionId, epoch } = outcome.record;
      if (flag) player.give(sessionId, epoch);
      player.learn(broker, { entry: { ...known.entry, requestId, sessionId }, epoch });
    }
    return outcome;
  },
  async attempt(player, { broker, pick, flag }) {
    const known = player.belief(broker, pick);
    if (known === undefined) return undefined;
    const { entry, epoch: from } = known;
    const before = await player.live();
    await player.noteForgotten(entry);
    const epoch = await player.side.store.startAttempt(entry, from, flag);
    if (epoch === null) return epoch;
    expect(before?.requestId ?? entry.requestId).to.equal(entry.requestId);
    player.give(entry.sessionId, epoch);
    known.epoch = epoch;
    return epoch;
  },
  async move(player, { broker, pick, flag }) {
    const known = player.belief(broker, pick);
    if (known === undefined) return undefined;
    const { entry } = known;
    await player.noteForgotten(entry);
    const allocated = await player.side.store.allocateEpoch(entry, known.epoch);
    player.give(entry.sessionId, allocated.epoch);
    if (flag) return allocated;
    const isCommitted = await player.side.store.commitEpoch(entry, allocated);
    if (isCommitted) known.epoch = allocated.epoch;
    return [allocated, isCommitted];
  },
  async clear(player, { broker, pick, flag }) {
    const known = player.belief(broker, pick);
    if (known === undefined) return undefined;
    const epoch = known.epoch - (flag ? 1 : 0);
    return player.side.store.clearLiveRequests([{ ...known.entry, epoch }]);
  },
  async renew(player, { broker, pick }) {
    const known = player.belief(broker, pick);
    if (known === undefined) return undefined;
    const { entry } = known;
    const before = await player.live();
    const session = { ...entry, epoch: player.epochsOf(entry.sessionId)[pick] ?? 1 };
    const [outcome] = await player.side.store.renewLiveRequests([session]);
    const after = await player.live();
    const isLive = after?.record.sessionId === entry.sessionId;
    expect(isLive, outcome).to.equal(outcome === 'live' || outcome === 'placed_again');
    if (before === undefined && outcome === 'live') expect(after?.record.epoch).to.equal(session.epoch);
    return outcome;
  },
  async check(player, { broker, pick }) {
    const known = player.belief(broker, pick);
    return known === undefined ? undefined : player.side.store.findRequests([known.entry]);
  },
};

/** The acts that may end a live request or put another in its place. */
const ENDING = new Set(['replace', 'resume', 'clear']);

const steps: fc.Arbitrary<Omit<BrokerStep, 'sessionId'>[]> = fc.array(
  fc.record({
    name: fc.constantFrom(...Object.keys(ACTS), 'record', 'replace'),
    broker: fc.nat({ max: 1 }),
    number: fc.nat({ max: REQUEST_IDS.length - 1 }),
    pick: fc.nat({ max: 3 }),
    flag: fc.boolean(),
  }),
  { minLength: 1, maxLength: 60, size: 'max' },
);

describe('the live request of a player, whatever two brokers do', function () {
  this.timeout(120_000);

  const prefix = uniquePrefix();
  let clock: ManualClock;
  let sides: Side[];
  let raw: Redis;
  let redis: FleetStore;
  let players = 0;

  before(async () => {
    const { url } = await sharedRedis();
    clock = new ManualClock();
    const memory: MemoryStore = createMemoryStore({ ...MODEL_RULES, clock });
    redis = await createRedisStore({
      ...MODEL_RULES,
      storeTimeMs: () => clock.wallMs(),
      target: { kind: 'single', url },
      prefix,
    });
    raw = new Redis(url);
    const keys = createKeySpace(prefix);
    sides = [
      {
        store: memory,
        dump: (playerId) => Promise.resolve(JSON.stringify(memory.playerRequests(playerId))),
      },
      { store: redis, dump: async (playerId) => (await raw.get(keys.requests(playerId))) ?? '' },
    ];
  });
  after(async () => {
    raw.disconnect();
    await redis.close();
  });

  /** What both stores remember, as text; the same for both. */
  function fromMemory(dump: string): string {
    const { live, remembered } = JSON.parse(dump) as ReturnType<MemoryStore['playerRequests']>;
    const line = (stored: (typeof remembered)[number]): string => {
      const { requestId, sessionId, epoch, allocatedEpoch, regionPool, recordedAtMs, replacedBy } = stored;
      const { region, pool } = regionPool;
      const fields = [requestId, sessionId, epoch, allocatedEpoch, region, pool, recordedAtMs];
      return `#${fields.join('|')}${replacedBy === null ? '' : `!${replacedBy}`}\n`;
    };
    if (live === null && remembered.length === 0) return '';
    return (live === null ? '0' : `1${line(live)}`) + remembered.map(line).join('');
  }

  async function play(sequence: readonly Omit<BrokerStep, 'sessionId'>[]): Promise<void> {
    players += 1;
    const [one, two] = sides.map((side) => new Player(side, `player-${players}`));
    for (const [i, drawn] of sequence.entries()) {
      clock.advance(7);
      const step = { ...drawn, sessionId: newSessionId() };
      const told = `step ${i}, ${JSON.stringify(step)}`;
      const before = await one!.live();
      const answers = [];
      for (const player of [one!, two!]) answers.push(await ACTS[step.name]!(player, step));
      expect(answers[1], `answer to ${told}`).to.deep.equal(answers[0]);
      const [memory, real] = await Promise.all([one!, two!].map(({ side, playerId }) => side.dump(playerId)));
      expect(real, `state after ${told}`).to.equal(fromMemory(memory!));
      const after = await one!.live();
      if (before !== undefined && !ENDING.has(step.name)) {
        expect(after?.requestId, `live after ${told}`).to.equal(before.requestId);
      }
      // Looking changes nothing.
      await Promise.all([one!.find(), two!.find()]);
      expect(await two!.side.dump(two!.playerId), `looked up after ${told}`).to.equal(real);
      expect(await one!.side.dump(one!.playerId), `looked up after ${told}`).to.equal(memory);
    }
  }

  it('is one at most, is never pushed out, and its session never gets an epoch twice', async () => {
    // On failure fast-check reports the seed and the shortest sequence that fails.
    await fc.assert(fc.asyncProperty(steps, play), { numRuns: SEQUENCES });
  });
});
