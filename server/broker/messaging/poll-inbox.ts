import type { RegionPool } from '../../domain/catalog.js';
import type { CorePorts } from './core-ports.js';
import type { Connections } from '../connections/ports.js';
import { emitSessionChange } from './session-events.js';
import { parseControlMessage } from './control-messages.js';
import { deliverRelayedMessage } from './relay-signals.js';

/** Fetches this broker's mail and letters of one place and tells the connections concerned. */
export async function pollInbox(context: CorePorts & Connections, place: RegionPool): Promise<void> {
  const { store, brokerId } = context;
  // Letters are taken first and delivered last: a host hears of a session before it hears from its client.
  const [letters, sessions] = await Promise.allSettled([
    store.takeMessages(place, brokerId),
    store.takeChangedSessions(place, brokerId),
  ]);
  if (sessions.status === 'fulfilled') {
    for (const session of sessions.value) emitSessionChange(context, place, session);
  }
  if (letters.status === 'fulfilled') {
    // Each is delivered at once and in its order; what takes longer is word of those that could not be.
    const passedOn: Promise<void>[] = [];
    for (const post of letters.value) {
      if (post.kind === 'control')
        context.events.emit('controlMessage', place, parseControlMessage(post.body));
      else passedOn.push(deliverRelayedMessage(context, place, post));
    }
    await Promise.all(passedOn);
  }
  for (const result of [letters, sessions]) {
    if (result.status === 'rejected') throw result.reason;
  }
}

/** Looks everywhere for what a nudge should have announced, and how full the places are. */
export async function pollAllInboxes(context: CorePorts & Connections): Promise<void> {
  await context.fleet.refresh(context.brokerId, (place) => pollInbox(context, place));
}
