import type { CreateCheck } from '../check.js';
import type { EventOf } from '../events.js';

interface ShownFrames {
  last: EventOf<'frame-received'>;
  /** Whether frames may be missing, because the player or the host was killed while frames were in flight. */
  mayMissFrames: boolean;
}

/**
 * Q2: make before break. A session that moves starts on the target host only after its client was admitted there, and from
 * then on no other host sends its frames. The frame count continues where the source host stopped: over connections, moves and
 * failed moves no frame is sent twice and none is skipped, except frames that were in flight on a connection that broke.
 */
export const checkMakeBeforeBreak: CreateCheck = ({ handOverMs }, report) => {
  const shown = new Map<string, ShownFrames>();
  const admitted = new Set<string>();
  /** Assignments by a completed move, and by a placement. */
  const begun = new Map<string, EventOf<'began'>>();
  const placed = new Set<string>();
  const newest = new Map<string, EventOf<'began'>>();
  const silent = new Set<string>();
  const backAtMs = new Map<string, number>();

  const keyOf = ({ sessionId, epoch }: { sessionId: string; epoch: number }): string =>
    `${sessionId} ${epoch}`;
  const place = (event: EventOf<'matched' | 'prepared'>): void => void placed.add(keyOf(event));
  /** After a player or host was killed, frames may be missing before the next one. */
  const allowMissingFrames = (isAffected: (last: EventOf<'frame-received'>) => boolean): void => {
    for (const frames of shown.values()) if (isAffected(frames.last)) frames.mayMissFrames = true;
  };

  const compare = ({ last, mayMissFrames }: ShownFrames, event: EventOf<'frame-received'>): void => {
    const { sessionId, epoch, host, n, count } = event;
    if (epoch < last.epoch) {
      report(`${host} sent a frame of ${sessionId}, which moved to ${last.host}`, last, event);
      return;
    }
    const move = begun.get(keyOf(event));
    if (epoch > last.epoch && move === undefined) {
      if (!placed.has(keyOf(event)))
        report(`${host} sent a frame of ${sessionId}, which was never assigned to it`, last, event);
      // A session that is placed again after its host was lost starts from the beginning.
      return;
    }
    if (count <= last.count)
      report(`the frames of ${sessionId} went back from ${last.count} to ${count}`, last, event);
    const mayMiss = mayMissFrames || (epoch === last.epoch && n === 1);
    if (count > last.count + 1 && !mayMiss)
      report(`the frames of ${sessionId} jumped from ${last.count} to ${count}`, last, event);
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
        report(`${event.sessionId} started on ${event.host}, which had not admitted its client`, event);
      },
      'host-ended': (event) => void admitted.delete(`${keyOf(event)} ${event.host}`),
      resumed(event) {
        const successor = newest.get(event.sessionId);
        if (successor === undefined || successor.epoch <= event.epoch) return;
        // A host that no broker can reach resumes its paused sessions by itself.
        if (silent.has(event.host)) return;
        if (event.atMs - (backAtMs.get(event.host) ?? -Infinity) <= handOverMs) return;
        report(
          `${event.sessionId} resumed on ${event.host} after it had moved to another host`,
          successor,
          event,
        );
      },
      'frame-received'(event) {
        const before = shown.get(event.sessionId);
        if (before !== undefined) compare(before, event);
        if (before === undefined || before.last.epoch <= event.epoch) {
          shown.set(event.sessionId, { last: event, mayMissFrames: false });
        }
      },
      fault({ fault, target }) {
        if (fault === 'client-killed') allowMissingFrames(({ player }) => player === target);
      },
      'host-stopped': (event) => allowMissingFrames(({ host }) => host === event.host),
      'host-silent': ({ host }) => void silent.add(host),
      'host-back'({ host, atMs }) {
        if (silent.delete(host)) backAtMs.set(host, atMs);
      },
    },
  };
};
