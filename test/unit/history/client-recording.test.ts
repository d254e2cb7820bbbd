import { expect } from 'chai';
import { createClientRecording } from '@duskline/loadtest/history/client-recording.js';
import { createRecorder } from '@duskline/loadtest/history/recorder.js';

describe('The recording of a client', () => {
  it('records a wait in the queue, and only regions that the player allows', () => {
    const recorder = createRecorder(() => 1);
    const client = createClientRecording(recorder, 'alice');
    const request = { requestId: 'r1' };
    client.recordSent({
      type: 'play',
      ...request,
      title: 'starfall',
      rtt: { near: 10, next: 20, far: 90 },
      regions: { only: ['near', 'next'], exclude: ['next'] },
    });
    client.recordReceived({ type: 'queued', ...request, position: 2, region: 'near' });
    client.recordReceived({ type: 'offer', ...request, region: 'near', acceptWithinMs: 15_000 });
    client.recordSent({ type: 'accept', ...request });
    const seen = { atMs: 1, player: 'alice', ...request };
    expect(recorder.events).to.deep.equal([
      { ...seen, type: 'requested', title: 'starfall', rtt: { near: 10 } },
      { ...seen, type: 'queued', position: 2, region: 'near' },
      { ...seen, type: 'offered', region: 'near', acceptWithinMs: 15_000 },
      { ...seen, type: 'accepted' },
    ]);
  });

  it('records where a session may move', () => {
    const recorder = createRecorder(() => 1);
    const client = createClientRecording(recorder, 'alice');
    const session = { sessionId: 's1', epoch: 2 };
    client.recordReceived({
      type: 'moving',
      requestId: 'r1',
      ...session,
      title: 'starfall',
      region: 'next',
      pool: 'console-x',
      host: { hostId: 'h2', endpoint: 'wss://h2.example.com' },
      ticket: 'a ticket',
      claimWithinMs: 5_000,
      stream: { codec: 'hevc', resolution: '2160p', fps: 60 },
      rank: 1,
      candidates: 1,
      rttMs: 20,
      reason: 'near is being drained',
    });
    client.recordSent({ type: 'stay', ...session });
    client.recordReceived({ type: 'session', ...session, epoch: 1, state: 'connected' });
    const seen = { atMs: 1, player: 'alice', ...session };
    expect(recorder.events).to.deep.equal([
      { ...seen, type: 'moving', host: 'next/console-x/h2' },
      { ...seen, type: 'session-state', epoch: 1, state: 'connected' },
    ]);
  });

  it('records a lost socket only after a welcome', () => {
    const recorder = createRecorder(() => 1);
    const client = createClientRecording(recorder, 'alice');
    client.recordClose(1006);
    const welcome = {
      connectionId: 'c',
      playerId: 'alice',
      regions: [],
      pingIntervalMs: 15_000,
      resumeToken: 'a token of some length',
    };
    client.recordReceived({ type: 'welcome', ...welcome });
    client.recordClose(1006);
    expect(recorder.events.map(({ type }) => type)).to.deep.equal(['connected', 'disconnected']);
  });
});
