import type { Place } from '../../domain/catalog.js';
import type { BrokerContext } from '../context.js';
import { toRefusal } from '../refusal.js';
import { followArrival, followCalledOff, tellMoving } from './client-side.js';
import { leave, orderCheckpoint, resume } from './source-side.js';
import { orderRestore } from './target-side.js';
import type { MoveWord } from './words.js';

/** Takes what a broker tells this one of a move, in the part that this one has in it. Never rejects. */
export async function takeWord(context: BrokerContext, place: Place, word: MoveWord): Promise<void> {
  try {
    await act(context, place, word);
  } catch (error) {
    // Whoever waits for an answer has a deadline.
    const { sessionId, type } = word;
    if (toRefusal(error).code === 'UNAVAILABLE') context.doubt.noteFailure();
    context.log.warn({ err: error, sessionId, word: type }, 'a move could not go on here');
  }
}

async function act(context: BrokerContext, place: Place, word: MoveWord): Promise<void> {
  switch (word.type) {
    case 'checkpoint':
      await orderCheckpoint(context, place, word);
      return;
    case 'resume':
      resume(context, place, word);
      return;
    case 'left':
      leave(context, place, word);
      return;
    case 'restore':
      await orderRestore(context, place, word);
      return;
    case 'moving':
      await tellMoving(context, place, word);
      return;
    case 'called_off':
      await followCalledOff(context, place, word);
      return;
    case 'arrived':
      await followArrival(context, place, word);
      return;
    case 'step': {
      const inbox = context.moves.carried.get(word.sessionId);
      if (inbox?.toEpoch === word.epoch) inbox.put(word.step);
      return;
    }
    default:
      word satisfies never;
  }
}
