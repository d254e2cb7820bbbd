import fc from 'fast-check';
import { findContradictions, findRemains } from '../../../support/manual/any-order/judge.js';
import { Simulation } from '../../../support/manual/any-order/simulation.js';
import { anySteps, type Step } from '../../../support/manual/any-order/steps.js';
import { propertyRuns } from '../../../support/property-runs.js';

/** Carries out the steps, waits until all is calm, and compares what players, brokers, store and hosts know. */
async function run(steps: readonly Step[]): Promise<void> {
  const simulation = await Simulation.start();
  try {
    for (const step of steps) await simulation.carryOut(step);
    await simulation.calmDown();
    for (const find of [findContradictions, findRemains]) {
      const problems = await find(simulation);
      if (problems.length > 0) throw new Error([...problems, ...simulation.log].join('\n'));
    }
  } finally {
    await simulation.fleet.stop();
  }
}

describe('Players, hosts and brokers: any order of orders, losses and answers of the store', function () {
  this.timeout(3_600_000);

  it('gives each order one answer, each player one session at most, and each slot back', async () => {
    await fc.assert(fc.asyncProperty(anySteps, run), {
      includeErrorInReport: true,
      numRuns: propertyRuns(200),
    });
  });
});
