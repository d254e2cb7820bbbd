import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { LoadReport } from '@duskline/loadtest/report/load-report.js';
import { expect } from 'chai';
import { COMPILED_COMMAND, runDuskline } from '../support/processes/broker-process.js';
import { inPage } from '../support/network/browser.js';
import { waitUntil } from '../support/time/eventually.js';

const SMALL = [
  ...[
    '--spawn',
    '1',
    '--regions',
    '2',
    '--hosts',
    '4',
    '--slots',
    '8',
    '--clients',
    '30',
    '--session',
    '500ms',
  ],
  ...['--rate', '25', '--duration', '1500ms', '--connect-rate', '200'],
];

describe('duskline loadtest', function () {
  this.timeout(30_000);

  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'duskline-loadtest-test-'));
  });
  after(() => rm(directory, { recursive: true }));

  it('prints the table and the verdict, and writes the report and a page that needs no other file', async () => {
    const [json, html] = [join(directory, 'report.json'), join(directory, 'report.html')];
    const { code, stdout, stderr } = await runDuskline([
      ...['loadtest', ...SMALL, '--driver', 'sdk', '--fault', 'kill-host@500ms,pause-broker@700ms:300ms'],
      ...['--limit', 'lostAfterMs=4500', '--assert', 'match.p99<5s', '--assert', 'violations==0'],
      ...['--assert', 'lost==0', '--json', json, '--html', html],
    ]);
    expect(code, stdout + stderr).to.equal(0);
    expect(stdout).to.match(
      /^played by the two SDKs, 1 thread: 30 clients, 4 hosts with 8 slots in 2 regions$/m,
    );
    expect(stdout).to.match(/^offered +\d+/m);
    expect(stdout).to.match(/^milliseconds +count +p50 +p90 +p99 +p99\.9 +max$/m);
    for (const time of ['connect', 'match', 'lag'])
      expect(stdout).to.match(new RegExp(`^${time} +\\d+ +\\d`, 'm'));
    expect(stdout).to.match(/^Verdict: clean\. overbooked 0, lost sessions 0, out of order 0/m);
    expect(stdout).to.match(/^holds {2}match\.p99<5s {2}\([\d.]+\)$/m);
    expect(stderr).to.match(/offered \d+\/s {2}matched \d+\/s {2}p99/);

    const report = JSON.parse(await readFile(json, 'utf8')) as LoadReport;
    expect(report).to.include({ version: 1, passed: true, unanswered: 0 });
    expect(report.setting).to.include({ driver: 'sdk', system: 'spawn', profile: 'steady' });

    await inPage(async (page) => {
      const requests: string[] = [];
      page.on('request', (request) => requests.push(request.url()));
      const backgrounds: string[] = [];
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        await page.goto(pathToFileURL(html).href);
        backgrounds.push(await page.evaluate('getComputedStyle(document.body).backgroundColor'));
        expect(await page.locator('#verdict').innerText()).to.match(/^Passed\./);
        expect(await page.locator('figure svg').count()).to.equal(5);
        expect(await page.locator('svg path.line').count()).to.be.at.least(9);
        const box = await page.locator('figure svg').first().boundingBox();
        expect(box?.width).to.be.above(400);
        expect(box?.height).to.be.above(100);
        expect(await page.locator('figure').first().locator('.mark').count()).to.equal(2);
        expect(await page.locator('.mark title, g > title').first().textContent()).to.match(
          /^kill-host@500ms/,
        );
      }
      expect(new Set(backgrounds).size).to.equal(2);
      expect(new Set(requests)).to.deep.equal(new Set([pathToFileURL(html).href]));
    });
  });

  it('exits with 2 when an assertion fails, and names the assertion', async () => {
    const { code, stdout } = await runDuskline([
      ...['loadtest', ...SMALL, '--driver', 'lean', '--assert', 'match.p50<0.01ms', '--assert', 'lost==0'],
      ...['--assert', 'resume.p99<1s'],
    ]);
    expect(code).to.equal(2);
    expect(stdout).to.match(/^FAILS {2}match\.p50<0\.01ms {2}\([\d.]+\)$/m);
    expect(stdout).to.match(/^holds {2}lost==0 {2}\(0\)$/m);
    expect(stdout).to.match(/^FAILS {2}resume\.p99<1s {2}\(not measured\)$/m);
    expect(stdout).to.match(/^played by the lean driver \(no SDK\)/m);
  });

  it('says in one line what is missing', async () => {
    const { code, stderr } = await runDuskline(
      ['loadtest', '--url', 'ws://127.0.0.1:1', '--title', 'starfall'],
      {
        DUSKLINE_AUTH_SECRET: '',
      },
    );
    expect(code).to.equal(1);
    expect(stderr).to.match(
      /^duskline: Players need tokens: set DUSKLINE_AUTH_SECRET .*--token-file FILE.*\n$/,
    );
  });

  it('ends early at a signal, and reports what it measured', async () => {
    const args = ['loadtest', ...SMALL, '--duration', '60s', '--driver', 'lean'];
    const child = spawn(process.execPath, [COMPILED_COMMAND, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (data: Buffer) => (stdout += data.toString('utf8')));
    child.stderr.on('data', (data: Buffer) => (stderr += data.toString('utf8')));
    await waitUntil(() => stderr.includes('loading'), 20_000);
    child.kill('SIGINT');
    const [code] = (await once(child, 'close')) as [number | null];
    expect(code, stderr).to.equal(0);
    expect(stdout).to.match(/^Verdict: clean\./m);
  });
});
