import { readFileSync } from 'node:fs';
import { createMetrics } from '@duskline/server/http/metrics.js';
import { expect } from 'chai';
import { ROOT } from './markdown.js';

const PAGE = readFileSync(`${ROOT}docs/operate/monitoring.md`, 'utf8');

/** The metrics of a broker in the Prometheus text format. */
function metricsText(): Promise<string> {
  const metrics = createMetrics();
  metrics.watchConnections(() => ({ clients: 0, hosts: 0, waiting: 0 }));
  return metrics.text();
}

describe('docs/operate/monitoring.md', () => {
  it('lists every metric of a broker with its type, and no other', async () => {
    const text = await metricsText();
    const exposed = [...text.matchAll(/^# TYPE (duskline_\w+) (\w+)$/gm)].map(([, ...found]) => found);
    const documented = [...PAGE.matchAll(/^\| `(duskline_\w+)` *\| (\w+) /gm)].map(([, ...found]) => found);
    expect(exposed.length).to.be.greaterThan(10);
    expect(documented).to.have.deep.members(exposed);
  });

  it('describes every metric with its help text', async () => {
    const text = await metricsText();
    const helpTexts = [...text.matchAll(/^# HELP (duskline_\w+) (.*)$/gm)].map(([, ...found]) => found);
    const documented = [...PAGE.matchAll(/^\| `(duskline_\w+)` \|.*\| (.*) \|$/gm)].map(
      ([, name, meaning]) => [name, `${meaning}.`],
    );
    expect(documented).to.have.deep.members(helpTexts);
  });
});
