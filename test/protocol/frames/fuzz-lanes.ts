import { expect } from 'chai';
import { CLIENT_PATH, HOST_PATH } from '@duskline/protocol/constants';
import { parseClientMessage, parseHostMessage, type ParseResult } from '@duskline/protocol/validation';
import { IDLE_LOAD, TEST_DEVICE, testToken } from '../../support/fleet/test-broker.js';
import { newSessionId } from '../../support/fleet/fleet-data.js';
import { Peer, type Frame } from '../../support/fleet/peer.js';
import { mutate, pick, type Random } from './mutator.js';

/** The region pool of the mutated frames, which no other peer uses. */
const REGION_POOL = { region: 'next', pool: 'pc-ultra' };

/** A lane opens a new connection after this number of frames, before the connection exceeds its burst limit. */
const FRAMES_PER_CONNECTION = 40;

/** The broker closes a connection at this invalid message. */
const LAST_MISTAKE = 8;

const CLIENT_TYPES = ['hello', 'play', 'accept', 'cancel', 'end', 'signal', 'ping', 'matched', 'register'];
const HOST_TYPES = ['register', 'heartbeat', 'session', 'limit', 'signal', 'leave', 'prepare', 'hello'];

const REGISTER = {
  type: 'register',
  ...REGION_POOL,
  slots: 2,
  endpoint: 'ws://127.0.0.1:1/fuzz',
  sessions: [],
};

/** A sequence of mutated frames on one connection after another, with a check of each answer. */
export interface Lane {
  /** Sends a mutated frame and checks the answer. Returns whether the frame was valid. */
  step(index: number): Promise<boolean>;
  close(): Promise<void>;
}

interface Judged<Message> {
  readonly text: string;
  readonly parsed: ParseResult<Message>;
}

/** Frames after `hello`. A valid frame gets the answer of its type, an invalid one the error of the validator. */
export function createClientLane(url: string, name: string, random: Random): Lane {
  const token = testToken({ kind: 'player', playerId: name });
  return createLane({
    async open() {
      const peer = await Peer.open(url, CLIENT_PATH, { token });
      peer.send({ type: 'hello', device: TEST_DEVICE });
      await peer.next('welcome');
      return peer;
    },
    make(index) {
      const text = mutate(random, pick(random, clientFrames(index)), CLIENT_TYPES);
      return { text, parsed: parseClientMessage(text) };
    },
    async passed(peer, index) {
      const id = 3_000_000_000 + index;
      peer.send({ type: 'ping', id });
      await peer.next('pong', (frame) => frame['id'] === id);
    },
    async expectAnswer(peer, message) {
      switch (message.type) {
        case 'ping':
          await peer.next('pong', (frame) => frame['id'] === message.id);
          return;
        case 'hello':
          await peer.next('error', (frame) => frame['code'] === 'OUT_OF_ORDER');
          return;
        case 'accept':
        case 'cancel':
          await answerTo(peer, message.requestId);
          return;
        case 'play':
          if ((await answerTo(peer, message.requestId)).type === 'error') return;
          // The player was matched or queued. Without the cancel, the next request would conflict with this one.
          peer.send({ type: 'cancel', requestId: message.requestId });
          await peer.next('error', (frame) => frame['requestId'] === message.requestId);
          return;
        case 'end':
        case 'stay':
        case 'signal':
          await peer.nextOf(['session', 'error'], (frame) => frame['sessionId'] === message.sessionId);
      }
    },
  });
}

/** Frames after `register`. Most valid frames of a host get no answer; the check is that none of them is called invalid. */
export function createHostLane(url: string, name: string, random: Random): Lane {
  const token = testToken({ kind: 'host', ...REGION_POOL });
  const register = { ...REGISTER, hostId: name };
  return createLane({
    async open() {
      const peer = await Peer.open(url, HOST_PATH, { token });
      peer.send(register);
      await peer.next('registered');
      return peer;
    },
    make() {
      const text = mutate(random, pick(random, hostFrames(name)), HOST_TYPES);
      return { text, parsed: parseHostMessage(text) };
    },
    async passed(peer) {
      peer.send(register);
      await peer.next('error', (frame) => frame['code'] === 'OUT_OF_ORDER');
    },
    async expectAnswer(peer, message) {
      if (message.type === 'register') await peer.next('error', (frame) => frame['code'] === 'OUT_OF_ORDER');
      if (message.type === 'leave') expect((await peer.closed).code).to.equal(1000);
    },
  });
}

/** The first frame of a connection: the broker accepts it, or refuses it and closes the connection. */
export function createFirstFrameLane(url: string, kind: 'client' | 'host', random: Random): Lane {
  const token =
    kind === 'client'
      ? testToken({ kind: 'player', playerId: 'first' })
      : testToken({ kind: 'host', ...REGION_POOL });
  const [path, types, accepted] =
    kind === 'client'
      ? ([CLIENT_PATH, CLIENT_TYPES, 'welcome'] as const)
      : ([HOST_PATH, HOST_TYPES, 'registered'] as const);
  return {
    async step(index) {
      const frames = kind === 'client' ? clientFrames(index).slice(0, 1) : [{ ...REGISTER, hostId: 'first' }];
      const text = mutate(random, pick(random, frames), types);
      const parsed = kind === 'client' ? parseClientMessage(text) : parseHostMessage(text);
      const first = parsed.ok && (parsed.message.type === 'hello' || parsed.message.type === 'register');
      const peer = await Peer.open(url, path, { token });
      peer.sendRaw(text);
      const answer = await peer.nextOf(['welcome', 'registered', 'error']);
      if (first && answer.type === accepted) {
        await peer.close();
        return true;
      }
      const { code } = await peer.closed;
      expect(answer.type, text).to.equal('error');
      if (first) expect(code, text).to.be.oneOf([4401, 4403, 4422]);
      else expect([code, answer['code']], text).to.deep.equal([4400, 'BAD_MESSAGE']);
      return parsed.ok;
    },
    close: () => Promise.resolve(),
  };
}

interface LaneParts<Message> {
  open(): Promise<Peer>;
  make(index: number): Judged<Message>;
  /** Resolves when the broker has handled everything that was sent before. */
  passed(peer: Peer, index: number): Promise<void>;
  expectAnswer(peer: Peer, message: Message): Promise<void>;
}

function createLane<Message extends { readonly type: string }>(parts: LaneParts<Message>): Lane {
  let peer: Peer | undefined;
  let sent = 0;
  let mistakes = 0;

  async function leave(): Promise<void> {
    await peer?.close();
    peer = undefined;
    sent = 0;
    mistakes = 0;
  }

  /** Expects an error, and a close where the validator's result demands one. */
  async function expectRefusal(open: Peer, { text, parsed }: Judged<Message>, index: number): Promise<void> {
    if (parsed.ok) return;
    mistakes += 1;
    const hopeless = (parsed.code === 'BAD_MESSAGE' && !parsed.recognised) || mistakes === LAST_MISTAKE;
    const code = hopeless ? 'BAD_MESSAGE' : parsed.code;
    const error = await open.next('error', (frame) => frame['code'] === code);
    if (hopeless) {
      expect((await open.closed).code, text).to.equal(4400);
      await leave();
      return;
    }
    expect(error['requestId'], text).to.equal(parsed.requestId);
    await parts.passed(open, index);
  }

  return {
    async step(index) {
      const open = (peer ??= await parts.open());
      const judged = parts.make(index);
      open.sendRaw(judged.text);
      sent += 1;
      try {
        if (judged.parsed.ok) {
          await parts.expectAnswer(open, judged.parsed.message);
          if (judged.parsed.message.type === 'leave') await leave();
          else await parts.passed(open, index);
        } else await expectRefusal(open, judged, index);
      } catch (error) {
        throw new Error(`mutant ${index}: ${judged.text}`, { cause: error });
      }
      const called = open.unread.filter(
        ({ code }) => code === 'BAD_MESSAGE' || code === 'UNKNOWN_MESSAGE_TYPE' || code === 'INTERNAL',
      );
      expect(called, `mutant ${index}: ${judged.text}`).to.deep.equal([]);
      if (sent >= FRAMES_PER_CONNECTION) await leave();
      return judged.parsed.ok;
    },
    close: leave,
  };
}

/** The next frame that names this request. */
async function answerTo(peer: Peer, requestId: string): Promise<Frame> {
  return peer.nextOf(['queued', 'offer', 'matched', 'error'], (frame) => frame['requestId'] === requestId);
}

function clientFrames(index: number): object[] {
  const requestId = `r${index}`;
  const regions = { only: ['next'], exclude: ['far'] };
  return [
    { type: 'hello', device: { ...TEST_DEVICE, maxFps: 60 }, sdk: 'fuzz/1' },
    { type: 'play', requestId, title: 'starfall', rtt: { next: 20, far: 300 }, wait: false },
    {
      type: 'play',
      requestId,
      title: 'starfall',
      rtt: { next: 20 },
      onConflict: 'resume',
      onHostLost: 'end',
    },
    {
      type: 'play',
      requestId,
      title: 'circuit',
      rtt: { next: 20 },
      regions,
      platform: 'pc',
      minResolution: '720p',
    },
    { type: 'accept', requestId: `r${index - 1}` },
    { type: 'cancel', requestId: `r${index - 1}` },
    { type: 'end', sessionId: newSessionId() },
    { type: 'signal', sessionId: newSessionId(), data: 'v=0\r\n' },
    { type: 'ping', id: 1 },
  ];
}

function hostFrames(hostId: string): object[] {
  const session = { sessionId: newSessionId(), epoch: 1 };
  return [
    { ...REGISTER, hostId },
    { type: 'heartbeat', load: { ...IDLE_LOAD, gpu: 0.4 }, sessions: [] },
    { type: 'heartbeat', load: IDLE_LOAD, sessions: [{ ...session, state: 'connected' }] },
    { type: 'session', ...session, state: 'active' },
    { type: 'session', ...session, state: 'ended', reason: 'host_ended' },
    { type: 'limit', ...session, kind: 'idle', endsInMs: 60_000 },
    { type: 'limit', ...session, kind: 'max_length', endsInMs: null },
    { type: 'signal', ...session, data: 'v=0\r\n' },
    { type: 'leave' },
  ];
}
