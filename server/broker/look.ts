import type { Place } from '../domain/catalog.js';
import type { BrokerContext } from './context.js';
import { deliver } from './deliver.js';
import { readWord } from './moves/words.js';
import { deliverLetter } from './signal.js';

/** Fetches this broker's mail and letters of one place and tells the connections concerned. */
export async function fetchMail(context: BrokerContext, place: Place): Promise<void> {
  const { store, brokerId } = context;
  // Letters are taken first and delivered last: a host hears of a session before it hears from its client.
  const [letters, sessions] = await Promise.allSettled([
    store.takeLetters(place, brokerId),
    store.takeMail(place, brokerId),
  ]);
  if (sessions.status === 'fulfilled') {
    for (const session of sessions.value) deliver(context, place, session);
  }
  if (letters.status === 'fulfilled') {
    // Each is delivered at once and in its order; what takes longer is word of those that could not be.
    const passedOn: Promise<void>[] = [];
    for (const post of letters.value) {
      if (post.kind === 'word') context.takeWord(place, readWord(post.body));
      else passedOn.push(deliverLetter(context, place, post));
    }
    await Promise.all(passedOn);
  }
  for (const result of [letters, sessions]) {
    if (result.status === 'rejected') throw result.reason;
  }
}

/** Looks everywhere for what a nudge should have announced, and how full the places are. */
export async function lookEverywhere(context: BrokerContext): Promise<void> {
  await context.fleet.refresh(context.brokerId, (place) => fetchMail(context, place));
}
