import type { WorkerPlan } from '@duskline/loadtest/drive/worker-messages.js';
import { monotonicMs } from '@duskline/loadtest/drive/clock.js';
import type { UntimedEvent } from '@duskline/loadtest/history/recorder.js';
import { parseFault } from '@duskline/loadtest/plan/faults.js';
import { FaultInjector, type FaultContext } from '@duskline/loadtest/run/fault-injector.js';
import { expect } from 'chai';
import { waitUntil } from '../../support/time/eventually.js';

const HOSTS = Array.from({ length: 12 }, (_, i) => {
  const region = i % 2 === 0 ? 'eu-west' : 'us-east';
  return {
    name: `${region}/console-x/h${i}`,
    hostId: `h${i}`,
    region,
    pool: 'console-x',
    slots: 4,
    token: 't',
  };
});

/** Injects the fault. Returns its targets. */
async function strike(
  seed: number,
  ...texts: readonly string[]
): Promise<{ hit: string[]; seen: UntimedEvent[] }> {
  const seen: UntimedEvent[] = [];
  const plan = new FaultInjector({
    pool: { broadcast: () => undefined } as unknown as FaultContext['pool'],
    plans: [{ hosts: HOSTS } as unknown as WorkerPlan],
    fleet: undefined,
    urls: [],
    tokens: undefined,
    seed,
    record: (event) => seen.push(event),
  });
  plan.start(texts.map(parseFault), monotonicMs());
  await waitUntil(() => plan.injected.length === texts.length);
  await plan.stop();
  return { hit: plan.injected.map(({ target, failure }) => failure ?? target), seen };
}

describe('The fault injector', () => {
  const three = ['kill-host@0s', 'kill-host@1ms', 'kill-host@2ms'];

  it('chooses the same targets with the same seed, none twice, and others with another seed', async () => {
    const { hit } = await strike(1, ...three);
    expect((await strike(1, ...three)).hit).to.deep.equal(hit);
    expect(new Set(hit).size).to.equal(3);
    const others = await Promise.all([2, 3, 4].map((seed) => strike(seed, ...three)));
    expect(others.map((other) => other.hit.join(' '))).to.not.deep.equal(Array(3).fill(hit.join(' ')));
  });

  it('stays in the named region, and records the faults for the verdict', async () => {
    const { hit, seen } = await strike(1, 'kill-host:us-east@0s');
    expect(hit[0]).to.match(/^us-east\//);
    expect(seen).to.deep.equal([{ type: 'fault', fault: 'host-killed', target: hit[0], lasts: false }]);
  });

  it('reports why a fault could not be injected', async () => {
    expect((await strike(1, 'kill-host:nowhere@0s')).hit).to.deep.equal([
      'no running host of the run is left to kill',
    ]);
    expect((await strike(1, 'kill-broker@0s')).hit).to.deep.equal(['no running broker is left']);
  });
});
