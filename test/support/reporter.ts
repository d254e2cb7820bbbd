import Mocha from 'mocha';

/**
 * Mocha's usual report, with one line at the very end that people and programs can read: `N passed, N failed`.
 * With the reporter option `tally: false` that line is left to the program that runs Mocha.
 */
export default class SummaryReporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    const { tally = true } = (options.reporterOptions ?? {}) as { tally?: boolean };
    if (!tally) return;
    // The base class registered its listener first, so its epilogue is printed before.
    runner.once('end', () => {
      const { passes, failures } = this.stats;
      process.stdout.write(`${passes} passed, ${failures} failed\n`);
    });
  }
}
