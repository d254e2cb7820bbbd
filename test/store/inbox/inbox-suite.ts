import { expect } from 'chai';
import { INBOX_MAX_BYTES, INBOX_KEPT_MS, type SessionMessage } from '@duskline/server/store/fleet-store.js';
import { REGION_POOL, newSessionId } from '../../support/fleet/fleet-data.js';
import { makeHostReady, reserveSlot, startSession, type CurrentFixture } from '../fixture.js';

/** Brokers of the host and of the client, unless a test names others. */
const HOST_BROKER = 'broker-h';
const CLIENT_BROKER = 'broker-c';

/** Messages that client and host of a session send each other through the store. */
export function inboxSuite(current: CurrentFixture): void {
  /** Starts a session on host-a whose client and host are connected to different brokers. */
  async function openSession(): Promise<{
    fromClient: SessionMessage;
    fromHost: SessionMessage;
    sessionId: string;
  }> {
    const { store } = current();
    await makeHostReady(store, 'host-a', { connectionId: `${HOST_BROKER}.3` });
    const { sessionId } = await startSession(store, { clientBrokerId: CLIENT_BROKER });
    const message = { kind: 'relayed', sessionId, epoch: 1, body: '{"say":"hello"}' };
    return {
      sessionId,
      fromClient: { ...message, fromHostId: null },
      fromHost: { ...message, fromHostId: 'host-a' },
    };
  }

  describe('relayMessages', () => {
    it('puts a message into the inbox of the broker at the other end, which takes it once', async () => {
      const { store, another } = current();
      const { fromClient, fromHost, sessionId } = await openSession();
      const other = await another();
      const message = { kind: 'relayed', sessionId, epoch: 1, body: '{"say":"hello"}' };
      expect(await store.relayMessages(REGION_POOL, [fromClient], CLIENT_BROKER)).to.deep.equal([
        { kind: 'forwarded', brokerId: HOST_BROKER },
      ]);
      expect(await store.takeMessages(REGION_POOL, CLIENT_BROKER)).to.deep.equal([]);
      expect(await other.takeMessages(REGION_POOL, HOST_BROKER)).to.deep.equal([
        { ...message, toHostId: 'host-a' },
      ]);
      expect(await other.takeMessages(REGION_POOL, HOST_BROKER)).to.deep.equal([]);
      expect(await other.relayMessages(REGION_POOL, [fromHost], HOST_BROKER)).to.deep.equal([
        { kind: 'forwarded', brokerId: CLIENT_BROKER },
      ]);
      expect(await other.takeMessages(REGION_POOL, HOST_BROKER)).to.deep.equal([]);
      expect(await store.takeMessages(REGION_POOL, CLIENT_BROKER)).to.deep.equal([
        { ...message, toHostId: null },
      ]);
    });

    it('returns `local` and stores nothing when the other end is on the calling broker', async () => {
      const { store } = current();
      const { fromClient, fromHost } = await openSession();
      const local = [{ kind: 'local', hostId: 'host-a' }];
      expect(await store.relayMessages(REGION_POOL, [fromClient], HOST_BROKER)).to.deep.equal(local);
      expect(await store.relayMessages(REGION_POOL, [fromHost], CLIENT_BROKER)).to.deep.equal(local);
      for (const broker of [HOST_BROKER, CLIENT_BROKER]) {
        expect(await store.takeMessages(REGION_POOL, broker)).to.deep.equal([]);
      }
    });

    it('keeps the order of many messages over several calls, and their text unchanged', async () => {
      const { store } = current();
      const { fromClient } = await openSession();
      const say = (text: string): SessionMessage => ({ ...fromClient, body: JSON.stringify(text) });
      const words = Array.from({ length: 150 }, (_, i) => `${i}`);
      const odd = ['a|b|c', ';', 'one\ntwo\r\n', '\u2028 \u2029', '"', 'ü 漢 😀 \ud800', '\0'];
      await Promise.all([
        store.relayMessages(REGION_POOL, words.slice(0, 100).map(say), CLIENT_BROKER),
        store.relayMessages(REGION_POOL, words.slice(100).map(say), CLIENT_BROKER),
        store.relayMessages(REGION_POOL, odd.map(say), CLIENT_BROKER),
      ]);
      const messages = await store.takeMessages(REGION_POOL, HOST_BROKER);
      expect(messages.map(({ body }) => JSON.parse(body) as string)).to.deep.equal([...words, ...odd]);
    });

    it('refuses messages for a session of which the sender is not a part', async () => {
      const { store } = current();
      const { fromClient, fromHost } = await openSession();
      const messages: SessionMessage[] = [
        { ...fromClient, sessionId: newSessionId() },
        { ...fromHost, fromHostId: 'host-b' },
        { ...fromHost, epoch: 2 },
        { ...fromClient, epoch: 2 },
      ];
      const outcomes = await store.relayMessages(REGION_POOL, messages, 'broker-x');
      expect(outcomes.map(({ kind }) => kind)).to.deep.equal(['unknown', 'unknown', 'stale', 'stale']);
      for (const broker of [HOST_BROKER, CLIENT_BROKER]) {
        expect(await store.takeMessages(REGION_POOL, broker)).to.deep.equal([]);
      }
    });

    it('refuses messages of an older assignment, and of a session that has ended', async () => {
      const { store } = current();
      const { fromClient, fromHost, sessionId } = await openSession();
      const host = { hostId: 'host-a', connectionId: `${HOST_BROKER}.3` };
      await store.reconcileHost(REGION_POOL, host, [{ sessionId, epoch: 2, state: 'active' }]);
      expect(await store.relayMessages(REGION_POOL, [fromClient, fromHost], 'broker-x')).to.deep.equal([
        { kind: 'stale' },
        { kind: 'stale' },
      ]);
      await store.endSessions(REGION_POOL, [{ sessionId, epoch: 2, reason: 'idle' }], HOST_BROKER);
      const ended = [fromClient, fromHost].map((message) => ({ ...message, epoch: 2 }));
      expect(await store.relayMessages(REGION_POOL, ended, 'broker-x')).to.deep.equal([
        { kind: 'over', reason: 'idle' },
        { kind: 'over', reason: 'idle' },
      ]);
    });

    it('returns `disconnected` when the broker of the other end is not known', async () => {
      const { store } = current();
      const { fromClient } = await openSession();
      const adopted = newSessionId();
      const host = { hostId: 'host-a', connectionId: `${HOST_BROKER}.3` };
      await store.reconcileHost(REGION_POOL, host, [
        { sessionId: fromClient.sessionId, epoch: 1, state: 'active' },
        { sessionId: adopted, epoch: 1, state: 'active' },
      ]);
      const message = { sessionId: adopted, epoch: 1, fromHostId: 'host-a', body: '1' };
      expect(await store.relayMessages(REGION_POOL, [message], HOST_BROKER)).to.deep.equal([
        { kind: 'disconnected' },
      ]);
    });

    it('follows client and host to their new brokers', async () => {
      const { store } = current();
      const { fromClient, fromHost, sessionId } = await openSession();
      await store.setClientBroker(REGION_POOL, sessionId, 'broker-d');
      await makeHostReady(store, 'host-a', {
        connectionId: 'broker-i.1',
        sessions: [{ sessionId, epoch: 1, state: 'active' }],
      });
      expect(await store.relayMessages(REGION_POOL, [fromClient, fromHost], 'broker-x')).to.deep.equal([
        { kind: 'forwarded', brokerId: 'broker-i' },
        { kind: 'forwarded', brokerId: 'broker-d' },
      ]);
    });

    it('relays messages before the client has connected to the host', async () => {
      const { store } = current();
      await makeHostReady(store, 'host-a', { connectionId: `${HOST_BROKER}.3` });
      const { sessionId } = await reserveSlot(store, { clientBrokerId: CLIENT_BROKER });
      const message = { sessionId, epoch: 1, fromHostId: null, body: '1' };
      expect(await store.relayMessages(REGION_POOL, [message], CLIENT_BROKER)).to.deep.equal([
        { kind: 'forwarded', brokerId: HOST_BROKER },
      ]);
    });

    it('stores up to `INBOX_MAX_BYTES` for a broker that reads nothing, and drops what exceeds it', async () => {
      const { store } = current();
      const { fromClient, fromHost } = await openSession();
      const large = { ...fromClient, body: `"${'ü'.repeat(20_000)}"` };
      const outcomes = await store.relayMessages(
        REGION_POOL,
        Array<SessionMessage>(8).fill(large),
        CLIENT_BROKER,
      );
      const fit = Math.floor(INBOX_MAX_BYTES / 40_000);
      expect(outcomes.map(({ kind }) => kind)).to.deep.equal(
        outcomes.map((_, i) => (i < fit ? 'forwarded' : 'overflow')),
      );
      expect(
        await store.relayMessages(REGION_POOL, [fromHost], HOST_BROKER),
        'to another',
      ).to.have.nested.property('[0].kind', 'forwarded');
      expect(await store.takeMessages(REGION_POOL, HOST_BROKER)).to.have.length(fit);
      const [again] = await store.relayMessages(REGION_POOL, [large], CLIENT_BROKER);
      expect(again).to.have.property('kind', 'forwarded');
    });

    it('fills an inbox to the last byte', async () => {
      const { store } = current();
      const { fromClient } = await openSession();
      const sizeOf = async (length: number): Promise<string | undefined> => {
        const [outcome] = await store.relayMessages(
          REGION_POOL,
          [{ ...fromClient, body: 'x'.repeat(length) }],
          CLIENT_BROKER,
        );
        await store.takeMessages(REGION_POOL, HOST_BROKER);
        return outcome?.kind;
      };
      // The length of an entry besides its body: time, host, session, epoch and separators.
      const room = INBOX_MAX_BYTES - '1800000000000;host-a||1|\n'.length - fromClient.sessionId.length;
      expect(await sizeOf(room)).to.equal('forwarded');
      expect(await sizeOf(room + 1)).to.equal('overflow');
    });

    it('drops messages that their broker does not take within `INBOX_KEPT_MS`', async () => {
      const { store, clock } = current();
      const { fromClient } = await openSession();
      await store.relayMessages(REGION_POOL, [fromClient], CLIENT_BROKER);
      clock.advance(INBOX_KEPT_MS);
      await store.deleteEndedSessions(REGION_POOL, 10);
      await store.relayMessages(REGION_POOL, [fromClient], CLIENT_BROKER);
      clock.advance(1);
      await store.deleteEndedSessions(REGION_POOL, 10);
      expect(await store.takeMessages(REGION_POOL, HOST_BROKER)).to.deep.equal([]);
    });

    it('does not change the inbox of changed sessions', async () => {
      const { store } = current();
      const { fromClient, sessionId } = await openSession();
      await store.relayMessages(REGION_POOL, [fromClient], CLIENT_BROKER);
      const changed = await store.takeChangedSessions(REGION_POOL, HOST_BROKER);
      expect(changed.map((session) => session.sessionId)).to.deep.equal([sessionId]);
      expect(await store.takeMessages(REGION_POOL, HOST_BROKER)).to.have.length(1);
    });
  });
}
