import {
  SWEEP_STEPS,
  type PlaceView,
  type RegionView,
  type RegionWatch,
  type SweepStep,
} from '../region-watch.js';
import type { KeySpace, PlaceKey } from './keys.js';
import { decodeDrain } from './orders.js';
import { StoredFormatError, inGroups, texts } from './records.js';
import type { RunScript } from './scripts.js';

interface Parts {
  readonly keys: KeySpace;
  readonly run: RunScript;
  /** What time it is, when a test says so. */
  readonly clock: () => number | '';
}

/** One script call looks at so many places at the most: bounds how long Redis serves nobody else. */
const MAX_PLACES = 64;

const VIEW_KEYS = ['hosts', 'totals', 'mail', 'queue'] as const satisfies readonly PlaceKey[];

const DUE_KEYS = [
  'reserved',
  'arriving',
  'disconnected',
  'ended',
  'offers',
  'attended',
  'beats',
  'queue',
  'mail',
  'totals',
] as const satisfies readonly PlaceKey[];

/** Numbers that `lua/view-region.lua` gives of each place. */
const VIEW_FIELDS = 5;

/** As `lua/find-due.lua` names them. */
const STEP_LETTERS: Readonly<Record<SweepStep, string>> = {
  sessions: 's',
  records: 'r',
  offers: 'o',
  queue: 'q',
  silent: 'h',
};

/** What brokers ask all the time, in one script call a region. */
export function createRegionWatch({ keys, run, clock }: Parts): RegionWatch {
  const keysOf = (region: string, pools: readonly string[], names: readonly PlaceKey[]): string[] =>
    pools.flatMap((pool) => names.map((name) => keys.ofPlace({ region, pool }, name)));

  return {
    async viewRegion(region, pools, brokerId) {
      const drains = keys.drains(region);
      const [first = { drains: [], places: [] }, ...others] = await Promise.all(
        groupsOf(pools).map(async (group) =>
          decodeView(
            await run('view-region', [drains, ...keysOf(region, group, VIEW_KEYS)], [clock(), brokerId]),
          ),
        ),
      );
      return { drains: first.drains, places: [first, ...others].flatMap(({ places }) => places) };
    },

    async findDue(region, pools, { silentForMs, queueGraceMs }) {
      const replies = await Promise.all(
        groupsOf(pools).map((group) =>
          run('find-due', keysOf(region, group, DUE_KEYS), [clock(), silentForMs, queueGraceMs]),
        ),
      );
      return replies.flatMap((reply) => texts(reply).map(decodeSteps));
    },
  };
}

function groupsOf(pools: readonly string[]): readonly (readonly string[])[] {
  return inGroups(pools, MAX_PLACES);
}

function decodeView(reply: unknown): RegionView {
  if (!Array.isArray(reply)) throw new StoredFormatError('expected a list');
  const [drains, ...fields] = reply as unknown[];
  return {
    drains: texts(drains).map(decodeDrain),
    places: inGroups(fields.map(Number), VIEW_FIELDS).map(decodePlace),
  };
}

function decodePlace([
  hosts = 0,
  sessions = 0,
  slots = 0,
  waiting = 0,
  mail = 0,
]: readonly number[]): PlaceView {
  return { hosts, utilisation: { sessions, slots }, waiting, hasMail: mail === 1 };
}

function decodeSteps(letters: string): SweepStep[] {
  return SWEEP_STEPS.filter((step) => letters.includes(STEP_LETTERS[step]));
}
