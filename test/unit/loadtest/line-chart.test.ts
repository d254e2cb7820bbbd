import { renderHtml } from '@duskline/loadtest/report/html-report.js';
import { escape, lineChart, niceStep } from '@duskline/loadtest/report/line-chart.js';
import { evaluateReport } from '@duskline/loadtest/report/load-report.js';
import { expect } from 'chai';
import fc from 'fast-check';
import { measuredRun } from './measured-run.js';

describe('A chart', () => {
  it('stays within its frame for any data', () => {
    const value = fc.oneof(fc.constant(null), fc.double({ min: 0, max: 1e7, noNaN: true }));
    fc.assert(
      fc.property(fc.array(value, { maxLength: 50 }), fc.boolean(), (values, isLogarithmic) => {
        const svg = lineChart({
          title: 'any',
          series: [{ name: 'a', points: values.map((y, x) => [x, y]) }],
          marks: [{ label: 'fault', x: 1, untilX: 2 }],
          maxX: Math.max(2, values.length),
          format: String,
          isLogarithmic,
        });
        expect(svg).not.to.match(/NaN|Infinity|undefined/);
        for (const [, x, y] of svg.matchAll(/[ML]([\d.-]+) ([\d.-]+)/g)) {
          expect(Number(x)).to.be.within(60, 900);
          expect(Number(y)).to.be.within(20, 232);
        }
      }),
    );
  });

  it('has ticks at round numbers', () => {
    expect([0.03, 0.2, 1, 3, 7, 45, 0, 1e-300].map(niceStep)).to.deep.equal([0.05, 0.2, 1, 5, 10, 50, 1, 1]);
  });

  it('leaves a gap where nothing was measured, and draws a dot for a single value', () => {
    const points = [
      [0, 1],
      [1, null],
      [2, 2],
      [3, 2],
    ] as const;
    const svg = lineChart({
      ...{ title: 't', series: [{ name: 'a', points }], marks: [], maxX: 3, format: String },
    });
    expect(/d="([^"]*)"/.exec(svg)?.[1]?.match(/[ML]/g)).to.deep.equal(['M', 'M', 'L']);
    expect(svg.match(/class="dot /g)).to.have.length(1);
  });

  it('escapes text in markup', () => {
    expect(escape(`<a href="x">&'`)).to.equal('&lt;a href=&quot;x&quot;&gt;&amp;&#39;');
  });
});

describe('The page of a report', () => {
  it('needs no other resource, and escapes names in markup', () => {
    const page = renderHtml(evaluateReport(measuredRun(), []));
    expect(page).not.to.match(/<script|<link|<img|<iframe|src=|href=|url\(|@import|https?:/);
    expect(page).not.to.include('<i>far</i>');
    expect(page).to.include('&lt;i&gt;far&lt;/i&gt;');
  });
});
