import type { CreateCheck } from '../check.js';
import type { EventOf, HistoryEvent } from '../events.js';
import { createFaultTimes } from '../fault-times.js';

interface Host {
  slots: number;
  readonly held: Map<string, EventOf<'admitted'>>;
  readonly prepared: Map<string, { readonly event: EventOf<'prepared'>; readonly untilMs: number }>;
  /** When reserved and used slots together began to exceed the slots of the host. */
  overbooked: { readonly sinceMs: number; readonly events: readonly HistoryEvent[] } | undefined;
}

/**
 * S2: a host never runs more sessions than it has slots, and its reserved and used slots together do not exceed its slots.
 * The second part is checked as the host sees it: the message that frees a slot and the one that reserves it again may
 * arrive in the other order, so an excess is allowed for `slackMs`. After Redis lost its last writes a slot may be assigned
 * twice: S6 checks that case.
 */
export const checkSlotLimits: CreateCheck = ({ slackMs, reservationMs }, report) => {
  const hosts = new Map<string, Host>();
  const faults = createFaultTimes(0);

  const hostOf = (name: string): Host => {
    const known = hosts.get(name);
    if (known !== undefined) return known;
    const created = { slots: Infinity, held: new Map(), prepared: new Map(), overbooked: undefined };
    hosts.set(name, created);
    return created;
  };
  const judge = (name: string, host: Host, atMs: number): void => {
    for (const [sessionId, { untilMs }] of host.prepared) {
      // Reservations are in the order of their creation and have the same duration.
      if (untilMs > atMs) break;
      host.prepared.delete(sessionId);
    }
    if (host.held.size + host.prepared.size > host.slots) {
      const events = host.overbooked?.events ?? proof(host);
      host.overbooked ??= { sinceMs: atMs, events };
      return;
    }
    const { overbooked } = host;
    host.overbooked = undefined;
    if (overbooked === undefined || atMs - overbooked.sinceMs <= slackMs) return;
    if (overbooked.sinceMs - faults.lastRedisFaultMs <= reservationMs) return;
    report(`${name} has ${host.slots} slots, and more were reserved and used`, ...overbooked.events);
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
      heartbeat(event) {
        const { slots } = hostOf(event.host);
        if (event.sessions.length <= slots) return;
        report(`${event.host} reports ${event.sessions.length} sessions in ${slots} slots`, event);
      },
    },
    finish(endAtMs) {
      for (const [name, host] of hosts) {
        judge(name, host, endAtMs);
        if (host.overbooked === undefined) continue;
        // Ends the excess now, so that its duration is checked.
        host.slots = Infinity;
        judge(name, host, endAtMs);
      }
    },
  };
};

function proof({ held, prepared }: Host): HistoryEvent[] {
  return [...held.values(), ...[...prepared.values()].map(({ event }) => event)];
}
