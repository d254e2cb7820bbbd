import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'chai';
import { Refusal } from '@duskline/server/broker/refusal.js';
import { COMPILED_COMMAND, runDuskline, type CommandResult } from '../support/processes/broker-process.js';
import { freePort } from '@duskline/loadtest/fleet/free-port.js';
import {
  OPERATOR,
  READER,
  drainReport,
  plainAnswers,
  useOperatorApp,
  type OperatorApp,
} from '../support/fleet/operator-app.js';

const REGION = { region: 'near', pool: null, hostId: null };
const HOST = { region: 'near', pool: 'console-x', hostId: 'h1' };
const OLIVIA = { operatorId: 'olivia', from: '127.0.0.1' };

describe('The command duskline, for operators', function () {
  this.timeout(20_000);
  let app: OperatorApp;
  useOperatorApp((started) => (app = started));

  const run = (args: readonly string[], token = OPERATOR): Promise<CommandResult> =>
    runDuskline([...args, '--url', app.url], { DUSKLINE_TOKEN: token });

  it('drain orders a drain and explains its effect', async () => {
    const { code, stdout } = await run(['drain', 'region', 'near', '--deadline', '30m']);
    expect(code).to.equal(0);
    expect(stdout).to.match(/^region near is closed to new sessions and has 4 sessions\./);
    expect(app.calls).to.deep.equal([
      [
        'drain',
        { target: REGION, deadlineMs: 1_800_000, mode: 'wait', atDeadline: 'end', yesEverything: false },
        OLIVIA,
      ],
    ]);
  });

  it('drain passes on its options, and prints JSON', async () => {
    const { code, stdout } = await run(
      'drain host near/console-x/h1 --deadline 90s --at-deadline keep --mode move --yes-everything --json'.split(
        ' ',
      ),
    );
    expect([code, JSON.parse(stdout)]).to.deep.equal([0, drainReport()]);
    const order = { target: HOST, deadlineMs: 90_000, mode: 'move', atDeadline: 'keep', yesEverything: true };
    expect(app.calls).to.deep.equal([['drain', order, OLIVIA]]);
  });

  it('drain --dry-run only shows what the drain would affect', async () => {
    const { code, stdout } = await run(['drain', 'pool', 'near/console-x', '--deadline', '1h', '--dry-run']);
    expect(code).to.equal(0);
    expect(stdout).to.include('4 live sessions').and.include('Free slots elsewhere: 15');
    expect(app.calls.map(([name]) => name)).to.deep.equal(['previewDrain']);
  });

  it('drain --mode move --dry-run shows how many sessions would go where, find no slot, or have to be waited for', async () => {
    const args = ['drain', 'region', 'near', '--deadline', '30m', '--mode', 'move', '--dry-run'];
    const [text, json] = await Promise.all([run(args), run([...args, '--json'])]);
    expect([text.code, json.code]).to.deep.equal([0, 0]);
    expect(text.stdout)
      .to.include('2 would move to other hosts, 1 are movable but find no free slot, 1 are not movable.')
      .and.match(/^would go to +sessions\nnext\/console-x +2$/m);
    expect(JSON.parse(json.stdout)).to.deep.equal(plainAnswers().previewDrain());
    const order = { target: REGION, deadlineMs: 1_800_000, mode: 'move', atDeadline: 'end' };
    const call = ['previewDrain', { ...order, yesEverything: false }];
    expect(app.calls).to.deep.equal([call, call]);
  });

  it('drain --watch shows each change, and ends when the drain is done', async () => {
    const reports = [
      drainReport({ progress: { staying: 1, left: 3, moved: 0, ended: 0, remaining: 0 } }),
      drainReport({ state: 'done', progress: { staying: 0, left: 3, moved: 0, ended: 1, remaining: 0 } }),
    ];
    app.answers.drains = () => [reports.length > 1 ? reports.shift()! : reports[0]!];
    const { code, stdout } = await run(['drain', 'region', 'near', '--deadline', '30m', '--watch']);
    expect(code).to.equal(0);
    const lines = stdout.split('\n').slice(4);
    expect(lines[0]).to.match(/^region near .* 0 % {2}4 staying/);
    expect(lines[1]).to.match(/^region near .* 75 % {2}1 staying, 3 left/);
    expect(lines[2]).to.match(/^region near .* 100 % {2}0 staying, 3 left, 1 ended$/);
    expect(lines[3]).to.match(/^region near is empty: of 4 sessions 3 left/);
    expect(stdout).to.not.include('\r');
  });

  it('drain --watch does not stop the drain when it is interrupted', async () => {
    const child = spawn(
      process.execPath,
      [COMPILED_COMMAND, 'drain', 'region', 'near', '--deadline', '30m', '--watch', '--url', app.url],
      { env: { ...process.env, DUSKLINE_TOKEN: OPERATOR }, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let stdout = '';
    let interrupted = false;
    child.stdout.on('data', (data: Buffer) => {
      stdout += data.toString('utf8');
      if (!interrupted && stdout.includes('4 staying')) interrupted = child.kill('SIGINT');
    });
    const [code] = (await once(child, 'close')) as [number | null];
    expect(code).to.equal(130);
    expect(stdout).to.include('Stopped watching. The drain of region near goes on');
    expect(app.calls.map(([name]) => name)).to.not.include('undrain');
  });

  it('undrain, cordon and uncordon send their orders', async () => {
    const [undrain, cordon, uncordon] = await Promise.all([
      run(['undrain', 'region', 'near']),
      run(['cordon', 'host', 'near/console-x/h1']),
      run(['uncordon', 'host', 'near/console-x/h1']),
    ]);
    expect([undrain.code, cordon.code, uncordon.code]).to.deep.equal([0, 0, 0]);
    expect(undrain.stdout).to.match(/^region near takes new sessions again/);
    expect(cordon.stdout).to.match(/^host near\/console-x\/h1 takes no new sessions/);
    expect(uncordon.stdout).to.match(/^host near\/console-x\/h1 takes new sessions again/);
    expect(app.calls).to.have.deep.members([
      ['undrain', REGION, OLIVIA],
      ['cordon', HOST, OLIVIA],
      ['uncordon', HOST, OLIVIA],
    ]);
  });

  it('drains and audit list their entries, as a table or JSON', async () => {
    const [drains, drainsJson, audit, auditJson] = await Promise.all([
      run(['drains'], READER),
      run(['drains', '--json'], READER),
      run(['audit', '--limit', '7'], READER),
      run(['audit', '--json'], READER),
    ]);
    expect(drains.stdout)
      .to.match(/^target +state/)
      .and.match(/^region near +running +olivia/m);
    expect(JSON.parse(drainsJson.stdout)).to.deep.equal({ drains: [drainReport()] });
    expect(audit.stdout).to.match(/ olivia +127\.0\.0\.1 +drain +region near +ok /);
    expect(JSON.parse(auditJson.stdout)).to.deep.equal({ entries: plainAnswers().auditTrail() });
    expect(app.calls).to.have.deep.members([['drains'], ['drains'], ['auditTrail', 7], ['auditTrail', 100]]);
  });

  it('moves lists the moves, as a table or JSON', async () => {
    const [moves, limited, json] = await Promise.all([
      run(['moves'], READER),
      run(['moves', '--limit', '7'], READER),
      run(['moves', '--json'], READER),
    ]);
    expect([moves.code, limited.code, json.code]).to.deep.equal([0, 0, 0]);
    expect(moves.stdout)
      .to.match(/^at +session +from +to +cause +outcome +took +why\n/)
      .and.match(
        / near\/console-x\/h1 +next\/console-x\/h7 +drain +moved +42 ms +its host is being drained\.\n$/,
      );
    expect(limited.stdout).to.equal(moves.stdout);
    expect(JSON.parse(json.stdout)).to.deep.equal({ moves: plainAnswers().moves() });
    expect(app.calls).to.have.deep.members([
      ['moves', 100],
      ['moves', 7],
      ['moves', 100],
    ]);
  });

  it('status shows the fleet with the same options', async () => {
    const { code, stdout } = await run(['status'], READER);
    expect([code, stdout.split('\n')[0]]).to.deep.equal([0, 'broker b1, store memory']);
  });

  describe('reports in one line', () => {
    async function failure(args: readonly string[], token?: string): Promise<string> {
      const { code, stdout, stderr } = await run(args, token);
      expect([code, stdout]).to.deep.equal([1, '']);
      expect(stderr).to.not.include('    at ');
      return stderr;
    }

    it('that the token lacks a scope', async () => {
      expect(await failure(['drain', 'region', 'near', '--deadline', '30m'], READER)).to.match(
        /^duskline: The broker refused the request: FORBIDDEN\. .*ops:write.*\n$/,
      );
    });

    it('that a token is missing', async () => {
      expect(await failure(['audit'], '')).to.match(/^duskline: This command needs an operator token/);
    });

    it('that no broker answers', async () => {
      const url = `http://127.0.0.1:${await freePort()}`;
      const { code, stderr } = await runDuskline(['drains', '--url', url, '--token', READER]);
      expect(code).to.equal(1);
      expect(stderr).to.match(
        /^duskline: No broker answers at http:\/\/127\.0\.0\.1:\d+ \(.*ECONNREFUSED.*\)\. Check --url, .*\n$/,
      );
    });

    it('that an order would close the last open region, and how to confirm it', async () => {
      app.answers.drain = () => {
        throw new Refusal('LAST_OPEN_REGION');
      };
      expect(await failure(['drain', 'region', 'near', '--deadline', '30m'])).to.include('--yes-everything');
    });

    it('when to retry', async () => {
      app.answers.undrain = () => {
        throw new Refusal('UNAVAILABLE', { retryAfterMs: 2_000 });
      };
      expect(await failure(['undrain', 'region', 'near'])).to.match(/UNAVAILABLE\..*Try again in 2 s\.\n$/);
    });

    it('what is wrong with its arguments', async () => {
      expect(await failure(['drain', 'region', 'near', '--deadline', 'soon'])).to.match(
        /such as 90s, 30m or 2h/,
      );
      expect(app.calls).to.deep.equal([]);
    });
  });
});
