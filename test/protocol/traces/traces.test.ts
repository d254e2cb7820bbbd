import { expect } from 'chai';
import { readProtocolDocument } from '../document/document.js';
import { documentedTraces, headingOf, type DocumentedTrace } from './document-traces.js';
import { SCENARIOS } from './scenarios.js';
import { Scene } from './scene.js';

describe('The scenarios of PROTOCOL.md', function () {
  this.timeout(20_000);
  let documented: readonly DocumentedTrace[];
  before(() => {
    documented = documentedTraces(readProtocolDocument().text);
  });

  it('are those that are played here, in the same order', () => {
    expect(documented.map(({ heading }) => heading)).to.deep.equal(SCENARIOS.map(headingOf));
  });

  for (const [where, brokers] of [
    ['on one broker, with its state in memory', 1],
    ['on two brokers that share a Redis', 2],
  ] as const) {
    describe(where, () => {
      for (const [i, scenario] of SCENARIOS.entries()) {
        if (brokers > 1 && scenario.oneBrokerBecause !== undefined) continue;
        it(`${headingOf(scenario, i)}: passes the frames that the document shows`, async () => {
          // `npm run docs:traces` writes the traces again.
          expect(await Scene.play(scenario, brokers)).to.equal(documented[i]?.trace);
        });
      }
    });
  }
});
