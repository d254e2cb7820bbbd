import { expect } from 'chai';
import fc from 'fast-check';
import type { HostedSession } from '@duskline/host';
import {
  RandomHost,
  SLOTS,
  type Action,
  type Assigned,
  type CallbackAnswer,
  type CallbackScheduler,
  type Observation,
} from './random-host.js';

const ACTIONS: Record<Action['do'], number> = {
  prepare: 8,
  restore: 5,
  end: 3,
  checkpoint: 5,
  resume: 3,
  moved: 3,
  refuse_move: 2,
  ticket: 14,
  ticket_and_wait: 5,
  expired_ticket: 1,
  app_connect: 10,
  app_lose: 6,
  app_end: 4,
  app_input: 2,
  app_signal: 2,
  register: 5,
  lose_connection: 3,
  kill_connection: 2,
  heartbeat: 4,
  pong: 4,
  pass_time: 8,
  answer: 8,
};

const action: fc.Arbitrary<Action> = fc.record({
  do: fc.oneof(
    ...Object.entries(ACTIONS).map(([name, weight]) => ({
      weight,
      arbitrary: fc.constant(name as Action['do']),
    })),
  ),
  session: fc.integer({ min: 1, max: 3 }),
  epoch: fc.oneof(
    { weight: 5, arbitrary: fc.constant(1) },
    { weight: 3, arbitrary: fc.integer({ min: 1, max: 4 }) },
  ),
  number: fc.integer({ min: 0, max: 2 }),
});

const answers = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.constant<CallbackAnswer>('accept') },
    { weight: 1, arbitrary: fc.constantFrom<CallbackAnswer>('refuse', 'throw') },
  ),
  { maxLength: 20 },
);

function useScheduler(scheduler: fc.Scheduler): CallbackScheduler {
  return {
    schedule: (answer) => scheduler.schedule(Promise.resolve(answer)),
    resolveOne: async () => {
      if (scheduler.count() > 0) await scheduler.waitNext(1);
    },
    resolveAll: () => scheduler.waitIdle(),
  };
}

/** Runs the actions in order, while callbacks resolve in any order, and checks what follows from all that was observed. */
async function expectAfter(
  check: (host: RandomHost) => void,
  finish: (host: RandomHost) => void | Promise<void> = (host) => host.settle(),
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      answers,
      fc.array(action, { minLength: 5, maxLength: 60 }),
      async (scheduler, given, actions) => {
        const host = new RandomHost(useScheduler(scheduler), given[Symbol.iterator]());
        host.register();
        for (const next of actions) {
          await host.run(next);
          expectSlotsKept(host);
        }
        await finish(host);
        check(host);
      },
    ),
    { numRuns: 250 },
  );
}

function expectSlotsKept({ runner }: RandomHost): void {
  const { held } = runner.usage;
  expect(held).to.be.at.most(SLOTS);
  expect(runner.listHeld()).to.have.length(held);
  expect(runner.held()).to.have.length(held);
}

const keyOf = ({ sessionId, epoch }: Assigned): string => `${sessionId}@${epoch}`;

/** The epoch of each session that an observation says is over on the host; it and lower ones. */
function endedBy(observation: Observation): Assigned | undefined {
  if (observation.type === 'app_ended') return observation;
  if (observation.type === 'notified' && observation.event === 'end') return observation;
  if (observation.type !== 'sent' || observation.message.type !== 'session') return undefined;
  return observation.message.state === 'ended' ? observation.message : undefined;
}

/** The session that an observation says is alive on the host. */
function aliveBy(observation: Observation): Assigned[] {
  if (observation.type === 'registered') return [...observation.listed];
  if (observation.type === 'admitted') return [observation];
  if (observation.type === 'notified') return observation.event === 'end' ? [] : [observation];
  if (observation.type !== 'sent') return [];
  const { message } = observation;
  switch (message.type) {
    case 'heartbeat':
      return message.sessions;
    case 'session':
      return message.state === 'ended' ? [] : [message];
    case 'limit':
    case 'signal':
    case 'checkpoint':
    case 'restored':
      return [message];
    case 'cannot_move':
    case 'leave':
    case 'register':
      return [];
  }
}

describe('a host, with any broker, players and application', function () {
  this.timeout(60_000);

  it('admits one client of a session at a time, and reports the stream of the former one as replaced', async () => {
    await expectAfter(({ observed }) => {
      const clients = new Map<string, HostedSession>();
      const latest = new Map<string, HostedSession>();
      for (const observation of observed) {
        if (observation.type === 'replaced') {
          const { replaced, session } = observation;
          expect(clients.get(replaced.sessionId)).to.equal(replaced);
          expect(session).not.to.equal(replaced);
          clients.delete(replaced.sessionId);
        } else if (observation.type === 'admitted') {
          const { sessionId, session } = observation;
          const former = clients.get(sessionId);
          if (former !== undefined) expect(former.epoch, 'two clients').to.be.below(session.epoch);
          clients.set(sessionId, session);
          latest.set(sessionId, session);
        } else if ('session' in observation) {
          const { type, sessionId, session } = observation;
          expect(latest.get(sessionId), 'only the client of the session has a say').to.equal(session);
          if (type === 'app_connected') clients.set(sessionId, session);
          else clients.delete(sessionId);
        } else if (observation.type === 'notified' && observation.event === 'end') {
          const client = clients.get(observation.sessionId);
          if (client !== undefined && client.epoch <= observation.epoch)
            clients.delete(observation.sessionId);
        }
      }
    });
  });

  it('never admits an older ticket after a newer one', async () => {
    await expectAfter(({ observed }) => {
      const newest = new Map<string, { epoch: number; number: number; session: HostedSession }>();
      for (const observation of observed) {
        if (observation.type !== 'admitted') continue;
        const { sessionId, epoch, number, session } = observation;
        const before = newest.get(sessionId);
        if (before !== undefined) {
          expect(epoch).to.be.at.least(before.epoch);
          if (epoch === before.epoch) {
            expect(number).to.be.at.least(before.number);
            expect(session === before.session, 'one object a ticket').to.equal(number === before.number);
          }
        }
        newest.set(sessionId, { epoch, number, session });
      }
    });
  });

  it('reports each end once a connection', async () => {
    await expectAfter(({ observed }) => {
      const reported = new Set<string>();
      for (const observation of observed) {
        if (observation.type !== 'sent' || observation.message.type !== 'session') continue;
        if (observation.message.state !== 'ended') continue;
        const key = `${keyOf(observation.message)} on connection ${observation.connection}`;
        expect(reported).not.to.include(key);
        reported.add(key);
      }
    });
  });

  it('lets a broker know of each end that the application decides, however many connections are lost', async () => {
    await expectAfter(
      ({ observed }) => {
        observed.forEach((observation, index) => {
          if (observation.type !== 'app_ended') return;
          const { sessionId, epoch } = observation;
          const isKnown = observed.some((later, at) => {
            if (later.type === 'sent' && later.message.type === 'session') {
              const { message, arrives } = later;
              return (
                arrives &&
                message.sessionId === sessionId &&
                message.state === 'ended' &&
                message.epoch >= epoch
              );
            }
            if (at < index) return false;
            // A broker that ends the session, or gives it a newer epoch, knows already.
            if (later.type === 'received' && 'epoch' in later.message) {
              const { message } = later;
              return (
                message.sessionId === sessionId && message.epoch >= epoch && message.type !== 'checkpoint'
              );
            }
            return later.type === 'admitted' && later.sessionId === sessionId && later.epoch > epoch;
          });
          expect(isKnown, `${keyOf(observation)} ended`).to.be.true;
        });
      },
      async (host) => {
        await host.settle();
        host.register();
        host.heartbeat();
        host.pong();
      },
    );
  });

  it('stops to report ends once a broker has confirmed them', async () => {
    await expectAfter(
      ({ observed }) => {
        const last = observed.findLastIndex(({ type }) => type === 'registered');
        const repeated = observed.slice(last).filter((observation) => endedBy(observation) !== undefined);
        expect(repeated).to.be.empty;
      },
      async (host) => {
        await host.settle();
        host.register();
        host.heartbeat();
        host.pong();
        host.register();
      },
    );
  });

  it('never shows a session as alive that is over', async () => {
    await expectAfter(({ observed }) => {
      const over = new Map<string, number>();
      for (const observation of observed) {
        for (const { sessionId, epoch } of aliveBy(observation)) {
          expect(epoch, `${JSON.stringify(observation)} after the end`).to.be.above(over.get(sessionId) ?? 0);
        }
        const ended = endedBy(observation);
        if (ended !== undefined) {
          over.set(ended.sessionId, Math.max(ended.epoch, over.get(ended.sessionId) ?? 0));
        }
      }
    });
  });

  it('calls the application once for each session that begins, and tells it once of each that ends', async () => {
    await expectAfter(({ observed }) => {
      const counts = new Map<string, number>();
      const count = (what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1);
      const known = new Set<string>();
      const refused = new Set<string>();
      for (const observation of observed) {
        if (observation.type === 'called') {
          if (observation.callback !== 'onCheckpoint') count(`begin ${keyOf(observation)}`);
          known.add(keyOf(observation));
        } else if (observation.type === 'answered') {
          if (observation.answer !== 'accept') refused.add(keyOf(observation));
        } else if (observation.type === 'admitted') {
          known.add(keyOf(observation));
        } else if (observation.type === 'app_ended') {
          count(`end ${keyOf(observation)}`);
        } else if (observation.type === 'notified') {
          const { event } = observation;
          if (['prepare', 'moved', 'end'].includes(event)) count(`${event} ${keyOf(observation)}`);
          if (event === 'end')
            expect(known, 'ends what the application knows').to.include(keyOf(observation));
        }
      }
      for (const [what, times] of counts) expect(times, what).to.equal(1);
      for (const key of known) {
        if (!refused.has(key)) expect(counts.get(`end ${key}`), `the end of ${key}`).to.equal(1);
      }
    });
  });

  it('resumes or ends each session that it paused, before it pauses the session again', async () => {
    await expectAfter(({ observed }) => {
      const paused = new Set<string>();
      for (const observation of observed) {
        if (observation.type === 'called' && observation.callback === 'onCheckpoint') {
          expect(paused).not.to.include(keyOf(observation));
          paused.add(keyOf(observation));
        } else if (observation.type === 'notified' && observation.event === 'resume') {
          expect(paused).to.include(keyOf(observation));
          paused.delete(keyOf(observation));
        } else {
          const ended = endedBy(observation);
          if (ended !== undefined) paused.delete(keyOf(ended));
        }
      }
      expect(paused).to.be.empty;
    });
  });

  it('has nothing left but ended sessions when everything is over: no session, no timer, no waiting client', async () => {
    await expectAfter(({ runner, clock, openWaits }) => {
      expect(runner.usage).to.deep.equal({ prepared: 0, held: 0 });
      expect(clock.pending).to.equal(0);
      expect(openWaits).to.equal(0);
    });
  });

  it('ends all sessions when it leaves, and tells the application of each', async () => {
    await expectAfter(
      ({ runner, clock, observed }) => {
        expect(runner.usage).to.deep.equal({ prepared: 0, held: 0 });
        expect(clock.pending).to.equal(0);
        const left = observed.findIndex(({ type }) => type === 'left');
        const after = observed.slice(left).filter((observation) => aliveBy(observation).length > 0);
        expect(after).to.be.empty;
      },
      async (host) => {
        const held = host.runner.held();
        host.leave();
        const told = host.observed.filter(({ type }) => type === 'notified');
        for (const { sessionId, epoch, state } of held) {
          expect(state).to.equal('ended');
          expect(told).to.deep.include({ type: 'notified', event: 'end', sessionId, epoch });
        }
        host.close();
        await host.settle();
      },
    );
  });

  it('pauses no session and has no timer when it is closed, and leaves its sessions to the application', async () => {
    await expectAfter(
      ({ runner, clock }) => {
        expect(runner.usage.prepared).to.equal(0);
        expect(runner.listHeld().map(({ state }) => state)).not.to.include('moving');
        expect(clock.pending).to.equal(0);
      },
      async (host) => {
        const before = host.runner.held();
        host.close();
        expect(host.runner.held()).to.deep.equal(before);
        await host.run({ do: 'answer', session: 1, epoch: 1, number: 0 });
      },
    );
  });
});
