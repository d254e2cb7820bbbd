import { availableParallelism } from 'node:os';
import { expect } from 'chai';
import { readChaosOptions } from '../../runner/chaos-options.js';
import { readOptions } from '../../runner/options.js';

describe('The options of a test run', () => {
  it('select all files by default, with one job more than processors, the longest file first', () => {
    expect(readOptions([])).to.deep.equal({
      paths: [],
      grep: undefined,
      jobs: availableParallelism() + 1,
      shuffleSeed: undefined,
      showTimes: false,
      help: false,
    });
  });

  it('select files, a pattern, jobs and a seed', () => {
    const options = readOptions(['test/unit', '--grep', 'a.*b', '--jobs', '1', '--shuffle', '7', '--times']);
    expect(options.paths).to.deep.equal(['test/unit']);
    expect(options.grep).to.deep.equal(/a.*b/);
    expect(options).to.include({ jobs: 1, shuffleSeed: 7, showTimes: true });
  });

  it('give --shuffle a random seed when none is given', () => {
    expect(readOptions(['--shuffle']).shuffleSeed).to.be.a('number');
    expect(readOptions(['--shuffle', '--times'])).to.include({ showTimes: true });
  });

  it('are refused when they are unknown or not a number', () => {
    expect(() => readOptions(['--job', '2'])).to.throw('--job');
    expect(() => readOptions(['--jobs', '0'])).to.throw(
      '--jobs "0" is not valid. Give a whole number of at least 1.',
    );
    expect(() => readOptions(['--shuffle=x'])).to.throw(
      '--shuffle "x" is not valid. Give a whole number of at least 0.',
    );
  });
});

describe('The options of a chaos run', () => {
  it('select all scenarios, once, by default', () => {
    expect(readChaosOptions([])).to.deep.equal({ only: undefined, times: 1, help: false });
  });

  it('select scenarios and a number of runs', () => {
    expect(readChaosOptions(['--only', 'kill -9 of a host', '--times', '3'])).to.deep.equal({
      only: /kill -9 of a host/,
      times: 3,
      help: false,
    });
  });

  it('are refused when they are unknown or not a number', () => {
    expect(() => readChaosOptions(['--times', 'x'])).to.throw(
      '--times "x" is not valid. Give a whole number of at least 1.',
    );
    expect(() => readChaosOptions(['--onyl', 'x'])).to.throw('--onyl');
  });
});
