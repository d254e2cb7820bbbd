import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { HistoryEvent } from '@duskline/loadtest/history/events.js';
import { createRecorder, readHistory, writeHistory } from '@duskline/loadtest/history/recorder.js';

describe('The history recorder', () => {
  it('timestamps events, and passes them on at once', () => {
    const passedOn: HistoryEvent[] = [];
    let nowMs = 5;
    const recorder = createRecorder(
      () => nowMs,
      (event) => passedOn.push(event),
    );
    recorder.record({ type: 'connected', player: 'alice' });
    nowMs = 7;
    recorder.record({ type: 'disconnected', player: 'alice', code: 1006 });
    expect(recorder.events).to.deep.equal([
      { atMs: 5, type: 'connected', player: 'alice' },
      { atMs: 7, type: 'disconnected', player: 'alice', code: 1006 },
    ]);
    expect(passedOn).to.deep.equal(recorder.events);
  });

  it('sorts in the events of another process by their times', () => {
    let nowMs = 0;
    const recorder = createRecorder(() => (nowMs += 10));
    for (let i = 0; i < 3; i += 1) recorder.record({ type: 'host-silent', host: 'near/pool/h1' });
    recorder.merge([
      { atMs: 15, type: 'connected', player: 'alice' },
      { atMs: 20, type: 'connected', player: 'bob' },
      { atMs: 40, type: 'connected', player: 'carol' },
    ]);
    expect(recorder.events.map(({ atMs }) => atMs)).to.deep.equal([10, 15, 20, 20, 30, 40]);
  });

  it('reads what it wrote', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'duskline-history-'));
    try {
      const recorder = createRecorder();
      for (let i = 0; i < 100; i += 1) recorder.record({ type: 'host-silent', host: `near/pool/h${i}` });
      const path = join(directory, 'history.ndjson');
      await writeHistory(path, recorder.events);
      const read: HistoryEvent[] = [];
      for await (const event of readHistory(path)) read.push(event);
      expect(read).to.deep.equal(recorder.events);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
