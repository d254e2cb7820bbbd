import type { Place } from '../../domain/catalog.js';
import type { BrokerContext } from '../context.js';
import type { MoveWord } from './words.js';

/** Tells a broker something, also this one. Resolves when it is on its way. */
export async function sendWord(
  context: BrokerContext,
  place: Place,
  brokerId: string,
  word: MoveWord,
): Promise<void> {
  if (brokerId === context.brokerId) {
    context.takeWord(place, word);
    return;
  }
  if (await context.store.tell(place, brokerId, JSON.stringify(word))) context.store.nudge(brokerId, place);
}
