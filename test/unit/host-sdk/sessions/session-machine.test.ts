import { expect } from 'chai';
import { isDeepStrictEqual } from 'node:util';
import { NEXT_PHASES } from '@duskline/host/internal/sessions/next-phases';
import type { SessionEffect, SessionEvent } from '@duskline/host/internal/sessions/session-events';
import { step } from '@duskline/host/internal/sessions/session-machine';
import { PHASES, isHeldPhase, type Phase } from '@duskline/host/internal/sessions/session-phases';
import type { SessionRecord } from '@duskline/host/internal/sessions/session-record';
import {
  HOST_SESSION_EVENTS,
  nextState,
  type HostSessionState,
} from '@duskline/host/internal/sessions/session-transitions';
import { sampleEvents, sampleFacts, sampleRecord } from './sample-records.js';

const ALL_PHASES = Object.keys(PHASES) as Phase[];
const FACTS = sampleFacts();

/** Every sample event of the record with all facts, and what follows. */
function allSteps(before: SessionRecord) {
  return sampleEvents(before).flatMap((event) =>
    FACTS.map((facts) => ({ event, facts, before, after: step(before, event, facts) })),
  );
}

type Outcome = ReturnType<typeof allSteps>[number];

/** The other phases to which each event leads, in alphabetical order. */
function reachedPhases(phase: Phase): Record<string, Phase[]> {
  const reached: Record<string, Set<Phase>> = {};
  for (const { event, after } of allSteps(sampleRecord(phase))) {
    if (after.record.phase !== phase) (reached[event.type] ??= new Set()).add(after.record.phase);
  }
  return Object.fromEntries(Object.entries(reached).map(([type, phases]) => [type, [...phases].sort()]));
}

function messagesOf(effects: readonly SessionEffect[]): { type: string; state?: string; epoch?: number }[] {
  return effects.flatMap((effect) => (effect.type === 'send' ? [effect.message] : []));
}

function countEndNotices({ before: { epoch }, after: { effects } }: Outcome): number {
  return effects.filter(
    (effect) =>
      effect.type === 'notify' && effect.notice.event === 'end' && effect.notice.payload.epoch === epoch,
  ).length;
}

/** The assignment that the session had before is over. */
function isOver({ before, after: { record } }: Outcome): boolean {
  return before.phase !== 'ended' && (record.phase === 'ended' || record.epoch !== before.epoch);
}

describe('the phases of a session at its host', () => {
  for (const phase of ALL_PHASES) {
    it(`has after each event in ${phase} the phases that the table lists`, () => {
      const listed = Object.entries(NEXT_PHASES[phase]).filter(([, phases]) => phases.length > 0);
      const expected = listed.map(([type, phases]) => [type, [...phases].sort()]);
      expect(reachedPhases(phase)).to.deep.equal(Object.fromEntries(expected));
    });
  }

  it('are tested with events of every type', () => {
    const types = new Set(
      ALL_PHASES.flatMap((phase) => sampleEvents(sampleRecord(phase)).map(({ type }) => type)),
    );
    // A record of all types, so that the compiler finds one that is missing.
    const known: Record<SessionEvent['type'], true> = {
      prepare: true,
      restore: true,
      end_ordered: true,
      checkpoint_ordered: true,
      resume_ordered: true,
      moved: true,
      move_refused: true,
      signal_received: true,
      ticket: true,
      ticket_expired: true,
      slot_wait_over: true,
      stream_connected: true,
      stream_lost: true,
      application_ended: true,
      player_input: true,
      movable_set: true,
      signal_given: true,
      prepare_accepted: true,
      prepare_refused: true,
      restore_done: true,
      restore_refused: true,
      checkpoint_done: true,
      checkpoint_refused: true,
      registered: true,
      heartbeat: true,
      pong: true,
      end_sent: true,
      answer_sent: true,
      signal_unsent: true,
      limit_unsent: true,
      time: true,
      left: true,
      closed: true,
    };
    expect([...types]).to.have.members(Object.keys(known));
  });
});

describe('a step of a session', () => {
  const steps = ALL_PHASES.flatMap((phase) => allSteps(sampleRecord(phase)));

  /** Expects that the rule holds for all steps, or for those that it is about. */
  function expectOfAll(
    rule: (outcome: Outcome) => boolean,
    about: (outcome: Outcome) => boolean = () => true,
  ): void {
    const concerned = steps.filter(about);
    expect(concerned).not.to.be.empty;
    const broken = concerned.find((outcome) => !rule(outcome));
    if (broken === undefined) return;
    const { before, event, facts, after } = broken;
    expect.fail(JSON.stringify({ from: before, event, facts, ...after }));
  }

  it('gives the same result each time, and changes nothing that it was given', () => {
    expectOfAll(({ before, event, facts, after }) => isDeepStrictEqual(step(before, event, facts), after));
    expectOfAll(({ before }) => isDeepStrictEqual(before, sampleRecord(before.phase)));
  });

  it('never lowers the epoch, and never brings back what is over', () => {
    expectOfAll(({ before, after }) => after.record.epoch >= before.epoch);
    expectOfAll(
      ({ before, after }) => after.record.epoch > before.epoch,
      ({ before, after }) => before.phase === 'ended' && after.record.phase !== 'ended',
    );
  });

  it('ignores what is about another epoch, unless that begins or ends an assignment', () => {
    const beginOrEnd = ['prepare', 'restore', 'ticket', 'end_ordered', 'slot_wait_over'];
    expectOfAll(
      ({ before, after }) => after.record === before && after.effects.every(({ type }) => type === 'send'),
      ({ before, event }) =>
        'epoch' in event && event.epoch !== before.epoch && !beginOrEnd.includes(event.type),
    );
  });

  it('ignores the answer to an earlier request for a checkpoint, and what a former client does', () => {
    expectOfAll(
      ({ before, after }) => after.record === before && after.effects.length === 0,
      ({ before, event }) => 'call' in event && 'claim' in before && event.call !== before.checkpointCalls,
    );
    expectOfAll(
      ({ before, after }) => after.record === before && after.effects.length === 0,
      ({ before, event }) => 'claim' in event && !('claim' in before && event.claim === before.claim),
    );
  });

  it('notifies the application of each end at most once, and only if the session has ended', () => {
    expectOfAll((outcome) => countEndNotices(outcome) <= (isOver(outcome) ? 1 : 0));
  });

  it('notifies the application of every end, unless the application ended or refused the session itself, or the host is closed', () => {
    const byApplication = ['application_ended', 'prepare_refused', 'restore_refused', 'closed'];
    expectOfAll(
      (outcome) => countEndNotices(outcome) === 1 || byApplication.includes(outcome.event.type),
      isOver,
    );
    expectOfAll(
      (outcome) => countEndNotices(outcome) === 1,
      (outcome) =>
        isOver(outcome) && outcome.event.type.endsWith('_refused') && isHeldPhase(outcome.before.phase),
    );
  });

  it('lets clients that wait for a slot try again exactly when a session is over', () => {
    expectOfAll(
      (outcome) => {
        const retries = outcome.after.effects.filter(({ type }) => type === 'retry_waiting');
        return retries.length === (isOver(outcome) ? 1 : 0);
      },
      // The session for which a client waits may be over, which this host never had.
      ({ before, event }) => before.phase !== 'ended' || event.type !== 'end_ordered',
    );
  });

  it('reports an end that the host decides, and none that a broker or the whole host decides', () => {
    const reportsOf = ({ after }: Outcome) =>
      messagesOf(after.effects).filter(({ state }) => state === 'ended');
    const decidedElsewhere = ['end_ordered', 'move_refused', 'left', 'closed', 'restore', 'ticket'];
    expectOfAll((outcome) => reportsOf(outcome).length <= 1, isOver);
    expectOfAll(
      (outcome) => reportsOf(outcome).length === 0,
      (outcome) => isOver(outcome) && decidedElsewhere.includes(outcome.event.type),
    );
    expectOfAll(
      (outcome) => reportsOf(outcome).length === 1,
      (outcome) =>
        isOver(outcome) &&
        (outcome.event.type === 'application_ended' ||
          (outcome.event.type === 'time' && isHeldPhase(outcome.before.phase))),
    );
  });

  it('keeps an end that it reports until it is confirmed', () => {
    expectOfAll(
      ({ after: { record, effects } }) => {
        const [report] = messagesOf(effects).filter(({ state }) => state === 'ended');
        return (
          record.phase === 'ended' && record.unconfirmedEnd !== undefined && report?.epoch === record.epoch
        );
      },
      ({ after }) => messagesOf(after.effects).some(({ state }) => state === 'ended'),
    );
  });

  it('reports each new state of a session at its epoch, in an order that the protocol allows', () => {
    expectOfAll(
      ({ before, after }) => {
        const to = PHASES[after.record.phase].state;
        const reported = messagesOf(after.effects).flatMap(({ type, state }) =>
          type === 'session' ? [state] : [],
        );
        let state: HostSessionState = PHASES[before.phase].state;
        if (to !== state && to !== 'moving' && reported.at(-1) !== to) return false;
        for (const next of reported as HostSessionState[]) {
          const isAllowed =
            next === state || HOST_SESSION_EVENTS.some((event) => nextState(state, event) === next);
          if (!isAllowed) return false;
          state = next;
        }
        return true;
      },
      (outcome) => outcome.before.phase !== 'ended' && !isOver(outcome),
    );
  });

  it('keeps deadlines and answers only in the phases that have them', () => {
    expectOfAll(
      ({ after: { record } }) => {
        if (record.phase === 'ended') return false;
        const { answerDue, move } = PHASES[record.phase];
        if (record.answerByMs < Infinity !== answerDue) return false;
        if (!('claim' in record)) return true;
        if (record.resumeAtMs < Infinity !== (move === 'away')) return false;
        return (record.checkpoint !== undefined) === (record.phase === 'checkpointed');
      },
      ({ after }) => after.record.phase !== 'ended',
    );
  });

  it('admits a ticket only of the newest epoch, and of those with that epoch only one at a time', () => {
    expectOfAll(({ event, after }) => (after.answer !== undefined) === (event.type === 'ticket'));
    expectOfAll(
      ({ before, event, after }) => {
        if (event.type !== 'ticket' || !isHeldPhase(after.record.phase) || event.epoch < before.epoch)
          return false;
        if (event.epoch > before.epoch || !('claim' in before)) return true;
        const isBack = PHASES[before.phase].state === 'disconnected';
        return event.number >= before.claim.number + (isBack ? 0 : 1);
      },
      ({ after }) => after.answer?.ok === true,
    );
  });

  it('reports a replaced stream exactly if another client is admitted while one has the session', () => {
    expectOfAll(({ before, event, after }) => {
      const replaced = after.effects.filter(({ type }) => type === 'replace_stream');
      const isAdmitted = event.type === 'ticket' && after.answer?.ok === true && event.epoch === before.epoch;
      const hadClient = isHeldPhase(before.phase) && PHASES[before.phase].state !== 'disconnected';
      return replaced.length === (isAdmitted && hadClient ? 1 : 0);
    });
  });

  it('notifies the application exactly once that a paused session resumes', () => {
    const resumesOf = ({ after }: Outcome) =>
      after.effects.filter((effect) => effect.type === 'notify' && effect.notice.event === 'resume');
    const isPaused = ({ phase }: SessionRecord) => PHASES[phase].move === 'away';
    expectOfAll(
      (outcome) =>
        resumesOf(outcome).length === (isPaused(outcome.before) && !isPaused(outcome.after.record) ? 1 : 0),
      (outcome) => !isOver(outcome),
    );
    // A session that resumes may have reached a limit meanwhile.
    expectOfAll(
      (outcome) => resumesOf(outcome).length === 0,
      (outcome) => isOver(outcome) && outcome.event.type !== 'time',
    );
  });
});
