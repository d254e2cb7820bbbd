import type { CreateCheck } from '../check.js';
import type { EventOf, HistoryEvent } from '../events.js';
import { createFaultTimes } from '../fault-times.js';

interface Host {
  slots: number;
  readonly held: Map<string, EventOf<'admitted'>>;
  readonly prepared: Map<string, { readonly event: EventOf<'prepared'>; readonly untilMs: number }>;
  /** Since when reserved and used slots together are too many. */
  oversold: { readonly sinceMs: number; readonly events: readonly HistoryEvent[] } | undefined;
}

/**
 * S2: a host never runs more sessions than it has slots, and reserved and used slots together are no more either.
 * The latter as the host sees it, where the news of a free slot and of its next use may cross: for a moment. A
 * Redis that lost its last writes may have sold a slot again: that is S6's to judge.
 */
export const checkSlotLimits: CreateCheck = ({ slackMs, reservationMs }, report) => {
  const hosts = new Map<string, Host>();
  const faults = createFaultTimes(0);

  const hostOf = (name: string): Host => {
    const known = hosts.get(name);
    if (known !== undefined) return known;
    const made = { slots: Infinity, held: new Map(), prepared: new Map(), oversold: undefined };
    hosts.set(name, made);
    return made;
  };
  const judge = (name: string, host: Host, atMs: number): void => {
    for (const [sessionId, { untilMs }] of host.prepared) {
      // In the order of their making, and all last equally long.
      if (untilMs > atMs) break;
      host.prepared.delete(sessionId);
    }
    if (host.held.size + host.prepared.size > host.slots) {
      const events = host.oversold?.events ?? proof(host);
      host.oversold ??= { sinceMs: atMs, events };
      return;
    }
    const { oversold } = host;
    host.oversold = undefined;
    if (oversold === undefined || atMs - oversold.sinceMs <= slackMs) return;
    if (oversold.sinceMs - faults.lastRedisFaultMs <= reservationMs) return;
    report(`${name} has ${host.slots} slots, and more were reserved and used`, ...oversold.events);
  };

  return {
    on: {
      ...faults.on,
      'host-registered'({ host, slots }) {
        hostOf(host).slots = slots;
      },
      prepared(event) {
        const host = hostOf(event.host);
        if (host.held.get(event.sessionId)?.epoch === event.epoch) return;
        host.prepared.set(event.sessionId, { event, untilMs: event.atMs + event.claimWithinMs });
        judge(event.host, host, event.atMs);
      },
      admitted(event) {
        const host = hostOf(event.host);
        host.prepared.delete(event.sessionId);
        host.held.set(event.sessionId, event);
        if (host.held.size > host.slots) {
          report(
            `${event.host} runs ${host.held.size} sessions in ${host.slots} slots`,
            ...host.held.values(),
          );
        }
        judge(event.host, host, event.atMs);
      },
      'host-ended'({ host: name, sessionId, epoch, atMs }) {
        const host = hostOf(name);
        if ((host.held.get(sessionId)?.epoch ?? Infinity) <= epoch) host.held.delete(sessionId);
        if ((host.prepared.get(sessionId)?.event.epoch ?? Infinity) <= epoch) host.prepared.delete(sessionId);
        judge(name, host, atMs);
      },
      'host-stopped': ({ host }) => void hosts.delete(host),
      holds(event) {
        const { slots } = hostOf(event.host);
        if (event.sessions.length <= slots) return;
        report(`${event.host} reports ${event.sessions.length} sessions in ${slots} slots`, event);
      },
    },
    finish(endAtMs) {
      for (const [name, host] of hosts) {
        judge(name, host, endAtMs);
        if (host.oversold === undefined) continue;
        // As if it ended now: it lasted until here.
        host.slots = Infinity;
        judge(name, host, endAtMs);
      }
    },
  };
};

function proof({ held, prepared }: Host): HistoryEvent[] {
  return [...held.values(), ...[...prepared.values()].map(({ event }) => event)];
}
