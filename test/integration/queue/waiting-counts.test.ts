import { expect } from 'chai';
import type { DrainPreview } from '@duskline/server/broker/drain/drain-orders.js';
import type { FleetStatus } from '@duskline/server/broker/operations/fleet-status.js';
import { renderPreview } from '@duskline/server/cli/drains/render-drains.js';
import { renderStatus } from '@duskline/server/cli/fleet/status-command.js';
import { OPERATOR } from '../../support/fleet/operator-app.js';
import { bearer, getAsReader, sendOrder } from '../../support/fleet/operator-requests.js';
import { TestFleet, play, queueUp, type TestFleetOptions } from '../../support/fleet/test-fleet.js';
import { waitUntil } from '../../support/time/eventually.js';

/** The players of these tests wait in both pools of two regions. */
const PLAYERS = ['alice', 'bob', 'carol'];
const WANTED = { title: 'starfall', rtt: { near: 10, next: 20 } };

const VARIANTS: readonly (readonly [where: string, options: TestFleetOptions])[] = [
  ['with the state of one broker in memory', {}],
  ['with one broker and Redis', { store: 'redis' }],
  ['with two brokers and Redis', { brokers: 2 }],
];

describe('The number of players who wait', function () {
  this.timeout(15_000);
  let fleet: TestFleet;
  afterEach(() => fleet.stop());

  /** Fills both pools of the region `near` and one of `next`, and lets each of `PLAYERS` wait in all three. */
  async function letPlayersWait(options: TestFleetOptions): Promise<void> {
    fleet = await TestFleet.start(options);
    await fleet.fullHost({ hostId: 'h1' });
    await fleet.fullHost({ hostId: 'h2', region: 'next' });
    await fleet.host({ hostId: 'h3', pool: 'pc-ultra', slots: 1 });
    const holder = await fleet.player('pc-holder');
    play(holder, 'held', WANTED);
    await holder.next('matched');
    for (const [i, playerId] of PLAYERS.entries()) {
      await queueUp(await fleet.player(playerId, { broker: i }), 'r1', WANTED);
    }
    await waitUntil(async () => (await readPools(0)).every(([, waiting]) => waiting === PLAYERS.length));
  }

  const readStatus = async (broker: number): Promise<FleetStatus> =>
    (await (await getAsReader(`${fleet.broker(broker).url}/v1/status`)).json()) as FleetStatus;

  const readPools = async (broker: number): Promise<(readonly [string, number])[]> =>
    (await readStatus(broker)).regions.flatMap(({ region, pools }) =>
      pools.map(({ pool, waiting }) => [`${region}/${pool}`, waiting] as const),
    );

  async function preview(target: object): Promise<DrainPreview> {
    const order = { target, deadlineMs: 60_000, dryRun: true };
    const response = await sendOrder(`${fleet.broker(1).url}/v1/drains`, order, bearer(OPERATOR));
    return (await response.json()) as DrainPreview;
  }

  for (const [where, options] of VARIANTS) {
    describe(where, () => {
      beforeEach(() => letPlayersWait(options));

      it('counts each once in the status of the fleet and of a region, and in each pool in which they wait', async () => {
        for (const [broker] of fleet.brokers.entries()) {
          const status = await readStatus(broker);
          expect(await readPools(broker)).to.deep.equal([
            ['near/console-x', 3],
            ['near/pc-ultra', 3],
            ['next/console-x', 3],
            ['next/pc-ultra', 3],
          ]);
          expect(status.regions.map(({ region, waiting }) => [region, waiting])).to.deep.equal([
            ['near', 3],
            ['next', 3],
            ['far', 0],
          ]);
          expect(status.waiting).to.equal(3);
          expect(renderStatus(status)).to.match(/\n3 players wait\b/);
        }
      });

      it('counts each once in the dry run of a drain', async () => {
        for (const target of [{ region: 'near' }, { region: 'near', pool: 'pc-ultra' }, { region: 'next' }]) {
          const answer = await preview(target);
          expect(answer.waiting, JSON.stringify(target)).to.equal(3);
          expect(renderPreview(answer)).to.include('3 waiting requests.');
        }
        expect(await preview({ region: 'far' })).to.include({ waiting: 0 });
      });

      it('counts each once in the metrics of all brokers together', async () => {
        const texts = await Promise.all(
          fleet.brokers.map(async ({ url }) => (await fetch(`${url}/metrics`)).text()),
        );
        const counts = texts.map((text) => Number(/^duskline_waiting_requests (\d+)$/m.exec(text)?.[1]));
        expect(counts.reduce((sum, count) => sum + count, 0)).to.equal(3);
      });
    });
  }
});
