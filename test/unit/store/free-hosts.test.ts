import { expect } from 'chai';
import fc from 'fast-check';
import { FreeHosts } from '@duskline/server/store/memory/pool/free-hosts.js';
import { newHost, type MemoryHost } from '@duskline/server/store/memory/pool/memory-host.js';
import { registration } from '../../support/fleet/fleet-data.js';

/** A host that is added, moves in the order, or is removed. */
interface Step {
  readonly hostId: string;
  readonly score: number | 'out' | 'gone';
}

const score = fc.oneof(
  { weight: 6, arbitrary: fc.nat({ max: 5 }) },
  { weight: 2, arbitrary: fc.constantFrom('out' as const, 'gone' as const) },
);
const steps = fc.array(fc.record({ hostId: fc.string({ maxLength: 3 }), score }), { maxLength: 300 });

/** The same order, in a simple implementation. */
type Model = Map<string, number>;

function inOrder(model: Model): [string, number][] {
  return [...model].sort((a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : 1));
}

function play(free: FreeHosts, hosts: Map<string, MemoryHost>, model: Model, step: Step): void {
  const known = hosts.get(step.hostId);
  if (typeof step.score === 'number') {
    const host = known ?? newHost(registration(step.hostId), [], 0);
    hosts.set(step.hostId, host);
    free.put(host, step.score);
    model.set(step.hostId, step.score);
    return;
  }
  model.delete(step.hostId);
  if (known === undefined) return;
  if (step.score === 'out') {
    free.remove(known);
  } else {
    free.remove(known);
    hosts.delete(step.hostId);
  }
}

describe('the order of free hosts', () => {
  it('is by score and then by name, after any changes', () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        const free = new FreeHosts();
        const hosts = new Map<string, MemoryHost>();
        const model: Model = new Map();
        for (const step of sequence) {
          play(free, hosts, model, step);
          const expected = inOrder(model);
          expect(free.leastCongested()?.hostId).to.equal(expected[0]?.[0]);
          expect(free.secondLeastCongested()?.hostId).to.equal(expected[1]?.[0]);
        }
        const entries = free.entries().map(([{ hostId }, at]) => [hostId, at]);
        expect(entries).to.deep.equal(inOrder(model));
      }),
    );
  });

  it('is by name among hosts of one score, however many there are', () => {
    const free = new FreeHosts();
    const names = ['a', 'c', ...Array.from({ length: 200 }, (_, i) => `b${'z'.repeat(i)}`)];
    for (const name of names) free.put(newHost(registration(name), [], 0), 1);
    expect(free.entries().map(([{ hostId }]) => hostId)).to.deep.equal(names.sort());
  });
});
