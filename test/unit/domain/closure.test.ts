import { CLOSURES, changeClosures, type Closure } from '@duskline/server/domain/closure.js';
import { expect } from 'chai';
import fc from 'fast-check';

const closures = fc.subarray([...CLOSURES]);
const closure = fc.constantFrom(...CLOSURES);

describe('The closures of a host or region pool', () => {
  it('contain a closure after it is added and not after it is removed, and keep all others', () => {
    fc.assert(
      fc.property(closures, closure, (before, changed) => {
        const others = (of: readonly Closure[]): Closure[] => of.filter((known) => known !== changed);
        const added = changeClosures(before, changed, 'add');
        const removed = changeClosures(before, changed, 'remove');
        expect(added).to.include(changed);
        expect(removed).not.to.include(changed);
        expect(others(added)).to.deep.equal(others(before));
        expect(removed).to.deep.equal(others(before));
      }),
    );
  });
});
