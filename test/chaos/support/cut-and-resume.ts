import type { Recorder } from '@duskline/loadtest/history/recorder.js';
import { waitUntil } from '../../support/eventually.js';
import type { PlayerGroup } from '../../support/recovery/player-group.js';

/**
 * Cuts every socket of these players, and resolves when each who had a session was given the same one again.
 *
 * @returns how many there were
 */
export async function cutAndResume({ events, record }: Recorder, swarm: PlayerGroup): Promise<number> {
  const missing = new Set(swarm.players.flatMap(({ client }) => client.sessions[0]?.sessionId ?? []));
  const count = missing.size;
  record({ type: 'fault', fault: 'sockets-cut', target: 'clients', lasts: false });
  let looked = events.length;
  swarm.cutAll();
  await waitUntil(() => {
    for (; looked < events.length; looked += 1) {
      const event = events[looked]!;
      if (event.type === 'matched') missing.delete(event.sessionId);
    }
    return missing.size === 0;
  }, 10_000);
  return count;
}
