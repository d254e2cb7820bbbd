import { expect } from 'chai';
import { longestFirst, shuffled } from '../../runner/order.js';
import { nameOf, findTestFiles } from '../../runner/test-files.js';

const files = findTestFiles(['test/unit/runner', 'test/unit/support']);

describe('The order of test files', () => {
  it('is longest first, with files without a measured time before those', () => {
    const [first, second, ...others] = files;
    const times = new Map(
      [second!, ...others].map((file, i) => [nameOf(file), { file: nameOf(file), wallMs: i + 1, cpuMs: 0 }]),
    );
    expect(longestFirst(files, times)).to.deep.equal([first, ...[second, ...others].reverse()]);
  });

  it('is random with a seed, the same for the same seed, and complete', () => {
    const many = Array.from({ length: 50 }, (_, i) => `file-${i}`);
    expect(shuffled(many, 1)).to.deep.equal(shuffled(many, 1));
    expect(shuffled(many, 1)).to.not.deep.equal(shuffled(many, 2));
    expect(shuffled(many, 1)).to.not.deep.equal(many);
    expect(shuffled(many, 1)).to.have.members(many);
  });
});
