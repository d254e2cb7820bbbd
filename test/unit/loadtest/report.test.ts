import { parseAssertion } from '@duskline/loadtest/plan/assertions.js';
import { LatencyRecorder } from '@duskline/loadtest/report/latency-recorder.js';
import { evaluateReport, failureReasons } from '@duskline/loadtest/report/load-report.js';
import { Timeline } from '@duskline/loadtest/report/timeline.js';
import { expect } from 'chai';
import { measuredRun } from './measured-run.js';

describe('The latency histogram', () => {
  it('has percentiles with three digits, and the exact maximum', () => {
    const recorder = new LatencyRecorder();
    for (let ms = 1; ms <= 10_000; ms += 1) recorder.record('match', ms);
    const { match, resume } = recorder.summarise();
    expect(match.count).to.equal(10_000);
    expect(match.p50).to.be.closeTo(5_000, 5);
    expect(match.p99).to.be.closeTo(9_900, 10);
    expect(match.p999).to.be.closeTo(9_990, 10);
    expect(match.max).to.equal(10_000);
    expect(match.p999).to.be.at.most(match.max);
    expect(resume).to.include({ count: 0, max: 0 });
  });
});

describe('The timeline', () => {
  it('counts a match at the time for which it was scheduled, however late the answer came', () => {
    const timeline = new Timeline(1_000, 1_000);
    const sample = (atMs: number, matched: number): void =>
      timeline.recordSample(
        atMs,
        { offered: 10, matched, queued: 0, refused: 0, noClientFree: 0 },
        { near: 2 },
        {},
      );
    timeline.recordMatch(1_500, 2_700);
    sample(1_900, 0);
    sample(4_900, 10);
    const points = timeline.read();
    expect(points.map(({ max }) => max)).to.deep.equal([2_700, null, null, null]);
    expect(points.map(({ matched }) => matched)).to.deep.equal([0, 0, 0, 10]);
    expect(points.map(({ offered }) => offered)).to.deep.equal([10, 0, 0, 0]);
    expect(points.map(({ atMs }) => atMs)).to.deep.equal([0, 1_000, 2_000, 3_000]);
  });

  it('omits what came before the load', () => {
    const timeline = new Timeline(1_000, 1_000);
    timeline.recordMatch(999, 5);
    timeline.recordSample(500, { offered: 1, matched: 1, queued: 0, refused: 0, noClientFree: 0 }, {}, {});
    expect(timeline.read()).to.deep.equal([]);
  });
});

describe('The report', () => {
  const assertions = ['match.p99<50', 'lost==0', 'refused<=3'].map(parseAssertion);

  it('passes when the verdict is clean and every assertion holds', () => {
    expect(evaluateReport(measuredRun(), assertions)).to.include({ passed: true });
    expect(evaluateReport(measuredRun(), [])).to.include({ passed: true });
  });

  it('fails with a failed assertion, or an invalid history', () => {
    expect(evaluateReport(measuredRun(), [parseAssertion('match.p99<5')])).to.include({ passed: false });
    const verdict = { ...measuredRun().verdict, overbooked: 1 };
    expect(evaluateReport(measuredRun({ verdict }), [])).to.include({ passed: false });
    expect(evaluateReport(measuredRun({ crashed: ['broker-1'] }), [])).to.include({ passed: false });
    const unanswered = measuredRun({ unanswered: 3 });
    expect(evaluateReport(unanswered, [])).to.include({ passed: false });
    expect(failureReasons(unanswered, [])).to.deep.equal(['3 requests were never answered']);
    const setting = { ...unanswered.setting, profile: 'step' as const };
    expect(evaluateReport({ ...unanswered, setting }, [])).to.include({ passed: true });
    expect(evaluateReport({ ...unanswered, endedEarly: true }, [])).to.include({ passed: true });
  });

  it('fails when a fault could not be injected, and lists every reason', () => {
    const [fault] = measuredRun().faults;
    const faults = [{ ...fault!, failure: 'no broker is left' }];
    const report = evaluateReport(measuredRun({ faults }), [parseAssertion('moved==0')]);
    expect(report.passed).to.equal(false);
    expect(failureReasons(report, report.assertions)).to.deep.equal([
      'the fault kill-broker@1s:500ms could not be injected (no broker is left)',
      '1 of 1 assertions fail',
    ]);
    expect(failureReasons(measuredRun(), [])).to.deep.equal([]);
  });

  it('cannot exclude losses when the run did not settle', () => {
    const verdict = { ...measuredRun().verdict, settled: false };
    expect(evaluateReport(measuredRun({ verdict }), assertions).assertions[1]).to.include({
      actual: undefined,
      holds: false,
    });
    const lossy = { ...verdict, lost: 2 };
    expect(evaluateReport(measuredRun({ verdict: lossy }), assertions).assertions[1]).to.include({
      actual: 2,
    });
  });
});
