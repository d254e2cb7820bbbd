import { expect } from 'chai';
import { CLIENT_PATH, HOST_PATH } from '@duskline/protocol/constants';
import { CLIENT_TO_BROKER, HOST_TO_BROKER } from '@duskline/protocol';
import type { Duskline } from '@duskline/server/duskline.js';
import { newSessionId } from '../../support/fleet/fleet-data.js';
import {
  IDLE_LOAD,
  TEST_DEVICE,
  openHost,
  openPlayer,
  startTestBroker,
  testToken,
} from '../../support/fleet/test-broker.js';
import { Peer } from '../../support/fleet/peer.js';

const sessionId = newSessionId();
const session = { sessionId, epoch: 1 };
const held = { ...session, state: 'connected' };

/** A message for each type, to which a broker answers with an error. `ping` and `leave` get none. */
const TO_BROKER: Readonly<Record<'client' | 'host', Readonly<Record<string, object>>>> = {
  client: {
    hello: { device: TEST_DEVICE },
    play: { requestId: 'r1', title: 'nowhere', rtt: { near: 1 } },
    accept: { requestId: 'r1' },
    cancel: { requestId: 'r1' },
    end: { sessionId },
    stay: session,
    signal: { sessionId, data: 'x' },
  },
  host: {
    register: {
      hostId: 'h1',
      region: 'near',
      pool: 'console-x',
      slots: 1,
      endpoint: 'ws://h1',
      sessions: [],
    },
    heartbeat: { load: IDLE_LOAD, sessions: [held, { ...held, sessionId: newSessionId() }] },
    session: { ...session, state: 'active' },
    limit: { ...session, kind: 'idle', endsInMs: null },
    signal: { ...session, data: 'x' },
    checkpoint: { ...session, state: 'AAAA' },
    restored: session,
    cannot_move: session,
  },
};

describe('An error names the message that it answers', () => {
  let duskline: Duskline;
  before(async () => {
    duskline = await startTestBroker();
  });
  after(() => duskline.stop());

  const open = (kind: string): Promise<Peer> =>
    kind === 'client'
      ? openPlayer(duskline.url, 'alice')
      : openHost(duskline.url, {
          hostId: 'h1',
          slots: 1,
          sessions: [{ ...held, sessionId: newSessionId() }],
        });

  it('for every type of message that can be answered with one', () => {
    expect([...Object.keys(TO_BROKER.client), 'ping']).to.have.members(Object.keys(CLIENT_TO_BROKER));
    expect([...Object.keys(TO_BROKER.host), 'leave']).to.have.members(Object.keys(HOST_TO_BROKER));
  });

  for (const [kind, messages] of Object.entries(TO_BROKER)) {
    for (const [type, fields] of Object.entries(messages)) {
      it(`${kind}: ${type}, valid or not`, async () => {
        const peer = await open(kind);
        for (const more of [{}, { more: 1 }]) {
          peer.send({ type, ...fields, ...more });
          const error = await peer.next('error');
          expect(error).to.include({ inReplyTo: type });
          if ('more' in more) expect(error).to.include({ code: 'BAD_MESSAGE' });
        }
        expect(peer.unread).to.deep.equal([]);
        await peer.close();
      });
    }

    it(`${kind}: no type that the broker does not know`, async () => {
      const peer = await open(kind);
      peer.send({ type: 'teleport' });
      expect(await peer.next('error')).to.not.have.property('inReplyTo');
      await peer.close();
    });
  }

  for (const [name, path, frame, code] of [
    ['a refused hello', CLIENT_PATH, { type: 'hello', device: TEST_DEVICE }, 'UNAUTHENTICATED'],
    ['an invalid hello', CLIENT_PATH, { type: 'hello' }, 'BAD_MESSAGE'],
    ['a message before hello', CLIENT_PATH, { type: 'ping', id: 1 }, 'BAD_MESSAGE'],
    ['a refused register', HOST_PATH, { type: 'register', ...TO_BROKER.host['register'] }, 'UNAUTHENTICATED'],
    ['a message before register', HOST_PATH, { type: 'leave' }, 'BAD_MESSAGE'],
  ] as const) {
    it(`before a close, after ${name}`, async () => {
      const peer = await Peer.open(duskline.url, path);
      peer.send(frame);
      expect(await peer.next('error')).to.include({ code, inReplyTo: frame.type });
      await peer.closed;
    });
  }

  it('and no message if it answers none', async () => {
    const token = testToken({ kind: 'player', playerId: 'alice' });
    const peer = await Peer.open(duskline.url, CLIENT_PATH, { token });
    peer.sendRaw(Buffer.from('{}'));
    expect(await peer.next('error'))
      .to.include({ code: 'BINARY_FRAME' })
      .and.not.have.property('inReplyTo');
    await peer.closed;
  });
});
