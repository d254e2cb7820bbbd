import type { Recorder } from '@duskline/loadtest/history/recorder.js';
import { waitUntil } from '../../support/time/eventually.js';
import type { PlayerGroup } from '../../support/recovery/player-group.js';

/**
 * Cuts all sockets of these players. Resolves when every player with a session has reconnected to the same session.
 *
 * @returns the number of these players
 */
export async function cutAndResume({ events, record }: Recorder, group: PlayerGroup): Promise<number> {
  const missing = new Set(group.players.flatMap(({ client }) => client.sessions[0]?.sessionId ?? []));
  const count = missing.size;
  record({ type: 'fault', fault: 'sockets-cut', target: 'clients', lasts: false });
  let next = events.length;
  group.cutAll();
  await waitUntil(() => {
    for (; next < events.length; next += 1) {
      const event = events[next]!;
      if (event.type === 'matched') missing.delete(event.sessionId);
    }
    return missing.size === 0;
  }, 10_000);
  return count;
}
