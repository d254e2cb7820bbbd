import { DRAIN_STATES, type Drain } from '../../domain/drain.js';
import { StoredFormatError } from './records.js';

/** Writes equal drains as equal texts, because `compareAndSetDrain` compares texts. */
export function encodeDrain(drain: Drain): string {
  const { target, drainId, mode, atDeadline, deadlineAtMs, orderedAtMs, orderedBy, state, finishedAtMs } =
    drain;
  const { region, pool, hostId } = target;
  return JSON.stringify({
    drainId,
    target: { region, pool, hostId },
    mode,
    atDeadline,
    deadlineAtMs,
    orderedAtMs,
    orderedBy,
    state,
    finishedAtMs,
  });
}

export function decodeDrain(text: string): Drain {
  const drain = JSON.parse(text) as Drain;
  if (typeof drain.drainId !== 'string' || !DRAIN_STATES.includes(drain.state)) {
    throw new StoredFormatError('a drain is not readable');
  }
  return drain;
}
