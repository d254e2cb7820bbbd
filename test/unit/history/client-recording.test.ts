import { expect } from 'chai';
import { createClientRecording } from '@duskline/loadtest/history/client-recording.js';
import { createRecorder } from '@duskline/loadtest/history/recorder.js';

describe('The recording of a client', () => {
  it('takes down a wait in the queue, and only regions that the player allows', () => {
    const recorder = createRecorder(() => 1);
    const client = createClientRecording(recorder, 'alice');
    const request = { requestId: 'r1' };
    client.sent({
      type: 'play',
      ...request,
      title: 'starfall',
      rtt: { near: 10, next: 20, far: 90 },
      regions: { only: ['near', 'next'], exclude: ['next'] },
    });
    client.received({ type: 'queued', ...request, position: 2, region: 'near' });
    client.received({ type: 'offer', ...request, region: 'near', acceptWithinMs: 15_000 });
    client.sent({ type: 'accept', ...request });
    const seen = { atMs: 1, player: 'alice', ...request };
    expect(recorder.events).to.deep.equal([
      { ...seen, type: 'asked', title: 'starfall', rtt: { near: 10 } },
      { ...seen, type: 'queued', position: 2, region: 'near' },
      { ...seen, type: 'offered', region: 'near', acceptWithinMs: 15_000 },
      { ...seen, type: 'accepted' },
    ]);
  });

  it('tells of a lost socket only when it had been welcome', () => {
    const recorder = createRecorder(() => 1);
    const client = createClientRecording(recorder, 'alice');
    client.closed(1006);
    const welcome = {
      connectionId: 'c',
      playerId: 'alice',
      regions: [],
      pingIntervalMs: 15_000,
      resumeToken: 'a token of some length',
    };
    client.received({ type: 'welcome', ...welcome });
    client.closed(1006);
    expect(recorder.events.map(({ type }) => type)).to.deep.equal(['connected', 'disconnected']);
  });
});
