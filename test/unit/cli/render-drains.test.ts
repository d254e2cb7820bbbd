import { toStoreMs } from '@duskline/server/domain/store-time.js';
import { renderAudit } from '@duskline/server/cli/fleet/audit-command.js';
import { renderMoves } from '@duskline/server/cli/fleet/render-moves.js';
import type { MoveEntry } from '@duskline/server/domain/move-entry.js';
import {
  renderDrains,
  renderOrdered,
  renderPreview,
  renderProgress,
  renderSummary,
} from '@duskline/server/cli/drains/render-drains.js';
import { expect } from 'chai';
import { drainReport, plainAnswers } from '../../support/fleet/operator-app.js';

const NOON = Date.UTC(2026, 0, 1, 12);
const HOST = { region: 'near', pool: 'console-x', hostId: 'h1' };

describe('Drains in the terminal', () => {
  it('are listed in a table, with times and progress in words and counts', () => {
    const drains = [
      drainReport({ progress: { staying: 3, left: 5, moved: 0, ended: 0, remaining: 0 } }),
      drainReport({
        target: HOST,
        state: 'done',
        orderedBy: 'otto',
        deadlineAtMs: toStoreMs(NOON - 180_000),
        progress: { staying: 0, left: 1, moved: 2, ended: 1, remaining: 0 },
      }),
    ];
    expect(renderDrains(drains, NOON)).to.equal(
      [
        'target                  state    ordered by  deadline   progress                    staying  left  moved  ended  remaining',
        'region near             running  olivia      in 30 min  █████████████░░░░░░░  63 %  3        5     0      0      0',
        'host near/console-x/h1  done     otto        3 min ago  ████████████████████ 100 %  0        1     2      1      0',
        '',
      ].join('\n'),
    );
  });

  it('have a line for an empty list', () => {
    expect(renderDrains([], NOON)).to.match(/^There are no drains\./);
  });

  it('are not shown as done before the first progress report, unless they are empty', () => {
    const progress = { staying: 0, left: 0, moved: 0, ended: 0, remaining: 0 };
    expect(renderProgress(drainReport({ progress }))).to.include(' 0 %');
    expect(renderProgress(drainReport({ progress, state: 'done' }))).to.include('100 %');
  });

  it('that left sessions running are not shown as fully done', () => {
    const progress = { staying: 0, left: 3, moved: 0, ended: 0, remaining: 1 };
    const drain = drainReport({ progress, state: 'done', atDeadline: 'keep' });
    expect(renderProgress(drain)).to.include('75 %').and.include('1 remaining');
    expect(renderSummary(drain)).to.match(
      /^The drain of region near is over: of 4 sessions 3 left.* 1 remaining/,
    );
  });

  it('have a summary when they are done, with the command to undo them', () => {
    const progress = { staying: 0, left: 2, moved: 1, ended: 1, remaining: 0 };
    expect(renderSummary(drainReport({ progress, state: 'done', target: HOST }))).to.equal(
      'host near/console-x/h1 is empty: of 4 sessions 2 left, 1 moved, 1 ended by the deadline, 0 remaining.\n' +
        'It stays closed. To open it again: duskline undrain host near/console-x/h1\n',
    );
  });

  it('explain an order: when, what happens then, and by whom', () => {
    const text = renderOrdered(drainReport(), NOON);
    expect(text).to.include('region near is closed to new sessions and has 4 sessions.');
    expect(text).to.include('No session is moved: sessions go on until their players leave.');
    expect(text).to.include(
      'At the deadline, 2026-01-01T12:30:00.000Z (in 30 min), sessions that are left are ended',
    );
    expect(text).to.include('Ordered by olivia').and.include('duskline undrain region near');
    expect(renderOrdered(drainReport({ atDeadline: 'keep' }), NOON)).to.include('may go on');
    expect(renderOrdered(drainReport({ mode: 'move' }), NOON)).to.include(
      'has 4 sessions.\nMovable sessions move to other hosts (see duskline moves). The others go on until',
    );
  });

  it('preview what they would affect, what could move, and whether there are enough slots', () => {
    const preview = plainAnswers().previewDrain();
    expect(renderPreview(preview)).to.equal(
      [
        'region near: 4 live sessions, 1 waiting request. Nothing has changed.',
        'Free slots elsewhere: 15.',
        'With --mode move 2 would move to other hosts, 1 are movable but find no free slot, 1 are not movable.',
        '',
        'region  free slots',
        'next    12',
        'far     3',
        '',
        'would go to     sessions',
        'next/console-x  2',
        '',
      ].join('\n'),
    );
    expect(renderPreview({ ...preview, freeSlots: [] })).to.match(
      /Free slots elsewhere: 0\.\nThese are fewer/,
    );
  });

  it('show the totals over all region pools to which sessions would move', () => {
    const fits = [
      { region: 'far', pool: 'console-x', sessions: 1 },
      { region: 'next', pool: 'pc-ultra', sessions: 3 },
    ];
    const text = renderPreview({ ...plainAnswers().previewDrain(), fits, noRoom: 0, notMovable: 0 });
    expect(text).to.include('4 would move to other hosts, 0 are movable but');
    expect(text).to.match(/\nfar\/console-x +1\nnext\/pc-ultra +3\n$/);
  });

  it('have a line when nobody is affected, or nothing is moving', () => {
    const none = { ...plainAnswers().previewDrain(), fits: [], noRoom: 0, notMovable: 0 };
    expect(renderPreview(none)).to.include('no session would move yet').and.not.include('would go to');
    expect(renderPreview({ ...none, sessions: 0 })).to.not.include('--mode move');
  });
});

describe('Moves in the terminal', () => {
  const [moved] = plainAnswers().moves();

  it('have one line each: session, hosts and reason; for failed ones the host that keeps the session', () => {
    const moves: MoveEntry[] = [
      moved!,
      {
        ...moved!,
        atMs: toStoreMs(NOON - 1),
        to: { region: 'next', pool: 'console-x', hostId: null },
        cause: 'make_room',
        outcome: 'failed',
        failure: 'store: no slot: full',
        tookMs: 12_340,
      },
      { ...moved!, atMs: toStoreMs(NOON - 2), unclaimed: true, tookMs: 999 },
    ];
    expect(renderMoves(moves)).to.equal(
      [
        'at                        session                               from               to                 cause      outcome           took    why',
        '2026-01-01T12:00:00.000Z  019a0000-0000-7000-8000-000000000001  near/console-x/h1  next/console-x/h7  drain      moved             42 ms   its host is being drained.',
        '2026-01-01T11:59:59.999Z  019a0000-0000-7000-8000-000000000001  near/console-x/h1  next/console-x     make_room  failed            12.3 s  store: no slot: full',
        '2026-01-01T11:59:59.998Z  019a0000-0000-7000-8000-000000000001  near/console-x/h1  next/console-x/h7  drain      moved, unclaimed  999 ms  its host is being drained.',
        '',
      ].join('\n'),
    );
  });

  it('have a line for an empty list', () => {
    expect(renderMoves([])).to.equal('No session has been moved yet.\n');
  });

  it('show the whole reason when it does not start with the route', () => {
    expect(renderMoves([{ ...moved!, reason: 'Somebody said so.' }])).to.match(/ Somebody said so\.\n$/);
  });

  it('are escaped, so that a host cannot inject terminal codes or lines', () => {
    const failure = 'source: \u001b[2Jno\r\nsave\u009bpoint\u2028is\u202enear';
    const text = renderMoves([{ ...moved!, outcome: 'failed', failure }]);
    expect(text.split('\n')).to.have.length(3);
    expect(text).to.match(/ source: �\[2Jno��save�point�is�near\n$/);
  });
});

describe('The audit trail in the terminal', () => {
  it('has one line per order', () => {
    const [entry] = plainAnswers().auditTrail();
    expect(renderAudit([{ ...entry!, result: 'LAST_OPEN_REGION' }])).to.equal(
      [
        'at                        operator  from       order  target       result            details',
        '2026-01-01T12:00:00.000Z  olivia    127.0.0.1  drain  region near  LAST_OPEN_REGION  {"atDeadline":"end"}',
        '',
      ].join('\n'),
    );
    expect(renderAudit([])).to.match(/^There are no orders/);
  });
});
