import { NEXT_SOURCE_PHASES, NEXT_TARGET_PHASES } from '@duskline/server/domain/move/next-phases.js';
import { stepSource, type SourceEvent, type SourcePhase } from '@duskline/server/domain/move/source-part.js';
import { stepTarget, type TargetEvent, type TargetPhase } from '@duskline/server/domain/move/target-part.js';
import { expect } from 'chai';
import { pageTransitions, tableTransitions } from '../transition-tables.js';

const PAGE = 'docs/develop/move.md';

const SOURCE_EVENTS: readonly SourceEvent[] = [
  { type: 'checkpoint_received', isLate: false },
  { type: 'checkpoint_received', isLate: true },
  { type: 'checkpoint_stored' },
  { type: 'checkpoint_not_stored' },
  { type: 'refused' },
  { type: 'resume_ordered', isThisMove: true },
  { type: 'resume_ordered', isThisMove: false },
  { type: 'session_left' },
  { type: 'overdue', found: 'arriving' },
  { type: 'overdue', found: 'moved' },
  { type: 'overdue', found: 'stayed' },
];
const TARGET_EVENTS: readonly TargetEvent[] = [
  { type: 'restored', isLate: false },
  { type: 'restored', isLate: true },
  { type: 'refused' },
  { type: 'finished' },
];

describe('A move at the broker of its source host, after every event in every phase', () => {
  const outcomes = (Object.keys(NEXT_SOURCE_PHASES) as SourcePhase[]).flatMap((before) =>
    SOURCE_EVENTS.map((event) => ({ before, event, ...stepSource(before, event) })),
  );

  it('has the phases that the table lists, and no other', () => {
    const changes = outcomes.filter(({ before, phase }) => before !== phase);
    const observed = changes.map(({ before, event, phase }) => `${before} ${event.type} ${phase}`);
    const listed = tableTransitions(NEXT_SOURCE_PHASES).sort();
    expect([...new Set(observed)].sort()).to.deep.equal(listed);
    expect(pageTransitions(PAGE, 'The source host').sort()).to.deep.equal(listed);
  });

  it('is over once: then only a host that sends a checkpoint gets an answer', () => {
    for (const { before, event, phase, effects } of outcomes) {
      if (before !== 'over') continue;
      expect(phase).to.equal('over');
      expect(effects).to.deep.equal(event.type === 'checkpoint_received' ? ['refuse_checkpoint'] : []);
    }
  });

  it('resumes a session that the host has paused, when the session stays', () => {
    for (const before of ['storing', 'paused'] as const) {
      const stayed = stepSource(before, { type: 'overdue', found: 'stayed' });
      expect(stayed).to.deep.equal({ phase: 'over', effects: ['send_resume'] });
      const cancelled = stepSource(before, { type: 'resume_ordered', isThisMove: true });
      expect(cancelled).to.deep.equal({ phase: 'over', effects: ['send_resume'] });
    }
  });

  it('tells the coordinator of a checkpoint once it is stored, and not if the move was cancelled meanwhile', () => {
    const replying = outcomes.filter(({ effects }) => effects.includes('reply_checkpoint'));
    expect(replying.map(({ before, event }) => `${before} ${event.type}`)).to.deep.equal([
      'storing checkpoint_stored',
    ]);
  });
});

describe('A move at the broker of its target host, after every event in every phase', () => {
  const outcomes = (Object.keys(NEXT_TARGET_PHASES) as TargetPhase[]).flatMap((before) =>
    TARGET_EVENTS.map((event) => ({ before, event, ...stepTarget(before, event) })),
  );

  it('has the phases that the table lists, and no other', () => {
    const changes = outcomes.filter(({ before, phase }) => before !== phase);
    const observed = changes.map(({ before, event, phase }) => `${before} ${event.type} ${phase}`);
    const listed = tableTransitions(NEXT_TARGET_PHASES).sort();
    expect([...new Set(observed)].sort()).to.deep.equal(listed);
    expect(pageTransitions(PAGE, 'The target host').sort()).to.deep.equal(listed);
  });

  it('tells the coordinator once that the session is restored, or that the host does not restore it', () => {
    const replies = outcomes.filter(({ effects }) => effects.some((effect) => effect.startsWith('reply_')));
    expect(
      replies.map(({ before, event, effects }) => `${before} ${event.type} ${effects.join()}`),
    ).to.deep.equal([
      'asked restored reply_restored',
      'asked restored refuse_late_restored,reply_too_late',
      'asked refused reply_refused',
      'restored refused reply_refused',
    ]);
  });
});
