import { readFileSync } from 'node:fs';
import { createMetrics } from '@duskline/server/http/metrics.js';
import { expect } from 'chai';
import { ROOT } from './markdown.js';

const PAGE = readFileSync(`${ROOT}docs/operate/monitoring.md`, 'utf8');

describe('docs/operate/monitoring.md', () => {
  it('lists every metric of a broker with its type, and no other', async () => {
    const metrics = createMetrics();
    metrics.watchConnections(() => ({ clients: 0, hosts: 0, waiting: 0 }));
    const text = await metrics.text();
    const exposed = [...text.matchAll(/^# TYPE (duskline_\w+) (\w+)$/gm)].map(([, ...found]) => found);
    const documented = [...PAGE.matchAll(/^\| `(duskline_\w+)` *\| (\w+) /gm)].map(([, ...found]) => found);
    expect(exposed.length).to.be.greaterThan(10);
    expect(documented).to.have.deep.members(exposed);
  });
});
