import { renderAudit } from '@duskline/server/cli/audit-command.js';
import {
  renderDrains,
  renderOrdered,
  renderPreview,
  renderProgress,
  renderSummary,
} from '@duskline/server/cli/render-drains.js';
import { expect } from 'chai';
import { drainReport, plainAnswers } from '../../support/operator-app.js';

const NOON = Date.UTC(2026, 0, 1, 12);
const HOST = { region: 'near', pool: 'console-x', hostId: 'h1' };

describe('Drains in the terminal', () => {
  it('stand in a table, with time and progress in words and counts', () => {
    const drains = [
      drainReport({ progress: { staying: 3, left: 5, moved: 0, ended: 0, remaining: 0 } }),
      drainReport({
        target: HOST,
        state: 'done',
        orderedBy: 'otto',
        deadlineAtMs: NOON - 180_000,
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

  it('may be none', () => {
    expect(renderDrains([], NOON)).to.match(/^Nothing is being drained/);
  });

  it('that nobody has looked at yet are not done; empty ones are', () => {
    const progress = { staying: 0, left: 0, moved: 0, ended: 0, remaining: 0 };
    expect(renderProgress(drainReport({ progress }))).to.include(' 0 %');
    expect(renderProgress(drainReport({ progress, state: 'done' }))).to.include('100 %');
  });

  it('that left sessions running are not all done', () => {
    const progress = { staying: 0, left: 3, moved: 0, ended: 0, remaining: 1 };
    const drain = drainReport({ progress, state: 'done', atDeadline: 'keep' });
    expect(renderProgress(drain)).to.include('75 %').and.include('1 remaining');
    expect(renderSummary(drain)).to.match(
      /^The drain of region near is over: of 4 sessions 3 left.* 1 remaining/,
    );
  });

  it('are summed up when they are done, with the way back', () => {
    const progress = { staying: 0, left: 2, moved: 1, ended: 1, remaining: 0 };
    expect(renderSummary(drainReport({ progress, state: 'done', target: HOST }))).to.equal(
      'host near/console-x/h1 is empty: of 4 sessions 2 left, 1 moved, 1 ended by the deadline, 0 remaining.\n' +
        'It stays closed. To open it again: duskline undrain host near/console-x/h1\n',
    );
  });

  it('say what an order means: when, what then, by whom', () => {
    const text = renderOrdered(drainReport(), NOON);
    expect(text).to.include('region near is closed to new sessions; 4 sessions there.');
    expect(text).to.include('2026-01-01T12:30:00.000Z (in 30 min): sessions that are left end then');
    expect(text).to.include('Ordered by olivia').and.include('duskline undrain region near');
    expect(renderOrdered(drainReport({ atDeadline: 'keep' }), NOON)).to.include('may stay');
  });

  it('show what they would meet, and whether there is room for it', () => {
    const preview = plainAnswers().previewDrain();
    expect(renderPreview(preview)).to.equal(
      'region near: 4 live sessions, 1 waiting request. Nothing was changed.\nFree slots beside it: 15.\n\n' +
        'region  free slots\nnext    12\nfar     3\n',
    );
    expect(renderPreview({ ...preview, freeSlots: [] })).to.match(/Free slots beside it: 0\.\nThat is fewer/);
  });
});

describe('The audit trail in the terminal', () => {
  it('has a line for every order', () => {
    const [entry] = plainAnswers().auditTrail();
    expect(renderAudit([{ ...entry!, result: 'LAST_OPEN_REGION' }])).to.equal(
      [
        'at                        operator  from       order  target       result            details',
        '2026-01-01T12:00:00.000Z  olivia    127.0.0.1  drain  region near  LAST_OPEN_REGION  {"atDeadline":"end"}',
        '',
      ].join('\n'),
    );
    expect(renderAudit([])).to.match(/^No operator/);
  });
});
