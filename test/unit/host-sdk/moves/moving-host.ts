import { expect } from 'chai';
import type { HostedSession, HostOptions } from '@duskline/host';
import type { CannotMove, CheckpointOrder, HostToBroker, Resume } from '@duskline/protocol';
import { EventBuffer } from '../../../support/event-buffer.js';
import type { ScriptedConnection } from '../scripted-broker.js';
import { startHostFixture, type HostFixture } from '../setup.js';
import { sessionIdOf, signTicket } from '../tickets.js';

export const STATE = Buffer.from('{"count":42}');
export const STATE_TEXT = STATE.toString('base64');
export const WITHIN_MS = 5_000;
export const STILL_MS = 30_000;

export const about = (number: number, epoch = 1): { sessionId: string; epoch: number } => ({
  sessionId: sessionIdOf(number),
  epoch,
});
export const orderOf = (number: number, epoch = 1): CheckpointOrder => ({
  type: 'checkpoint',
  ...about(number, epoch),
  withinMs: WITHIN_MS,
  stillMs: STILL_MS,
});
export const resumeOf = (number: number, epoch = 1): Resume => ({ type: 'resume', ...about(number, epoch) });

export function admit({ host }: HostFixture, number: number): HostedSession {
  const admission = host.admit(signTicket({ claims: { sid: sessionIdOf(number) } }));
  if (!admission.ok) throw new Error(`refused: ${admission.reason}`);
  return admission.session;
}

export interface MovingRig extends HostFixture {
  readonly connection: ScriptedConnection;
  readonly resumes: EventBuffer<{ sessionId: string; epoch: number }>;
  /** Sessions with which `onCheckpoint` was called, with their state at that time. */
  readonly asked: { session: HostedSession; state: string }[];
  readonly logged: { level: string; text: string }[];
  /** The next frame that is not a heartbeat. */
  nextFrame(): Promise<HostToBroker>;
}

/** Registers a host, with rare heartbeats and without pings. */
export async function setUpMoving(
  onCheckpoint: HostOptions['onCheckpoint'] | null = () => ({ state: STATE }),
  options: Partial<HostOptions> = { movable: true },
): Promise<MovingRig> {
  const asked: MovingRig['asked'] = [];
  const logged: MovingRig['logged'] = [];
  const log = (level: string) => (fields: object, message: string) =>
    void logged.push({ level, text: `${message} ${JSON.stringify(fields)}` });
  const rig = await startHostFixture({
    ...options,
    slots: 3,
    ...(onCheckpoint === null
      ? {}
      : {
          onCheckpoint: (session: HostedSession) => {
            asked.push({ session, state: session.state });
            return onCheckpoint(session);
          },
        }),
    logger: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
  });
  const resumes: MovingRig['resumes'] = new EventBuffer('resumed session');
  rig.host.on('resume', (resumed) => resumes.add(resumed));
  const connection = await rig.register({ heartbeatIntervalMs: 600_000, pingIntervalMs: 0 });
  const nextFrame = () => connection.frames.next(({ type }) => type !== 'heartbeat');
  return { ...rig, connection, resumes, asked, logged, nextFrame };
}

/** Starts a connected session, and waits for its reports. */
export async function play(rig: MovingRig, number = 1): Promise<HostedSession> {
  const session = admit(rig, number);
  session.reportConnected();
  for (const state of ['active', 'connected']) expect(await rig.nextFrame()).to.include({ state });
  return session;
}

export async function nothingMore({ connection }: MovingRig): Promise<void> {
  await connection.ping();
  expect(connection.frames.unread.filter(({ type }) => type !== 'heartbeat')).to.be.empty;
}

export const cannotMove = (number: number, epoch = 1): CannotMove => ({
  type: 'cannot_move',
  ...about(number, epoch),
});
