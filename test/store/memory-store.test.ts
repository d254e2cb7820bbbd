import { createMemoryStore } from '@duskline/server/store/memory/memory-store.js';
import { ManualClock, withSystemTimers } from '../support/time/manual-clock.js';
import { describeStore } from './conformance.js';
import { SUSPECT_AFTER_MS } from './fixture.js';

describeStore('memory store', () => {
  const clock = new ManualClock();
  const store = createMemoryStore({ suspectAfterMs: SUSPECT_AFTER_MS, clock: withSystemTimers(clock) });
  return Promise.resolve({ store, clock, another: () => Promise.resolve(store), close: () => store.close() });
});
