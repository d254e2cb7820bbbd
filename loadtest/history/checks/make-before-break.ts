import type { CreateCheck } from '../check.js';
import type { EventOf } from '../events.js';

interface ShownFrames {
  last: EventOf<'shown'>;
  /** What was on its way to the player when it or the host died is lost. */
  torn: boolean;
}

/**
 * Q2: make before break. A session that moves begins on the new host when its client is in there, never before, and from
 * then on no other host shows it. Its pictures go on where the old host stopped: over every connection, every move and
 * every move that came to nothing, none comes twice and none is left out, but for what a dying socket took along.
 */
export const checkMakeBeforeBreak: CreateCheck = ({ handOverMs }, report) => {
  const shown = new Map<string, ShownFrames>();
  const admitted = new Set<string>();
  /** Assignments that were made by a move, and those that were not. */
  const begun = new Map<string, EventOf<'began'>>();
  const placed = new Set<string>();
  const newest = new Map<string, EventOf<'began'>>();
  const silent = new Set<string>();
  const backAtMs = new Map<string, number>();

  const keyOf = ({ sessionId, epoch }: { sessionId: string; epoch: number }): string =>
    `${sessionId} ${epoch}`;
  const place = (event: EventOf<'matched' | 'prepared'>): void => void placed.add(keyOf(event));
  /** Whoever it was that died: the next picture may leave some out. */
  const tear = (isConcerned: (last: EventOf<'shown'>) => boolean): void => {
    for (const pictures of shown.values()) if (isConcerned(pictures.last)) pictures.torn = true;
  };

  const compare = ({ last, torn }: ShownFrames, event: EventOf<'shown'>): void => {
    const { sessionId, epoch, host, n, count } = event;
    if (epoch < last.epoch) {
      report(`${host} shows ${sessionId}, which ${last.host} has gone on with`, last, event);
      return;
    }
    const move = begun.get(keyOf(event));
    if (epoch > last.epoch && move === undefined) {
      if (!placed.has(keyOf(event))) report(`${host} shows ${sessionId}, and nobody gave it`, last, event);
      // Placed anew after its host was lost: it begins from nothing.
      return;
    }
    if (count <= last.count) report(`${sessionId} went back from ${last.count} to ${count}`, last, event);
    const mayMiss = torn || (epoch === last.epoch && n === 1);
    if (count > last.count + 1 && !mayMiss)
      report(`${sessionId} jumped from ${last.count} to ${count}`, last, event);
  };

  return {
    on: {
      matched: place,
      prepared: place,
      admitted: (event) => void admitted.add(`${keyOf(event)} ${event.host}`),
      began(event) {
        const known = newest.get(event.sessionId);
        if (known === undefined || known.epoch < event.epoch) newest.set(event.sessionId, event);
        begun.set(keyOf(event), event);
        if (admitted.has(`${keyOf(event)} ${event.host}`)) return;
        report(`${event.sessionId} begins on ${event.host}, where its client is not`, event);
      },
      'host-ended': (event) => void admitted.delete(`${keyOf(event)} ${event.host}`),
      resumed(event) {
        const successor = newest.get(event.sessionId);
        if (successor === undefined || successor.epoch <= event.epoch) return;
        // A host that nobody can tell goes on by itself.
        if (silent.has(event.host)) return;
        if (event.atMs - (backAtMs.get(event.host) ?? -Infinity) <= handOverMs) return;
        report(`${event.sessionId} goes on on ${event.host}, and has moved`, successor, event);
      },
      shown(event) {
        const before = shown.get(event.sessionId);
        if (before !== undefined) compare(before, event);
        if (before === undefined || before.last.epoch <= event.epoch) {
          shown.set(event.sessionId, { last: event, torn: false });
        }
      },
      fault({ fault, target }) {
        if (fault === 'client-killed') tear(({ player }) => player === target);
      },
      'host-stopped': (event) => tear(({ host }) => host === event.host),
      'host-silent': ({ host }) => void silent.add(host),
      'host-back'({ host, atMs }) {
        if (silent.delete(host)) backAtMs.set(host, atMs);
      },
    },
  };
};
