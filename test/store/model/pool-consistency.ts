import { expect } from 'chai';
import { congestion } from '@duskline/server/domain/congestion.js';
import { digestSessions } from '@duskline/server/domain/session-digest.js';
import type { PoolDump, Scores } from './pool-dump.js';

const DUE_LISTS = [
  ['reserved', 'reserved'],
  ['offers', 'offered'],
  ['disconnected', 'disconnected'],
  ['arriving', 'arriving'],
  ['ended', 'ended'],
] as const;

/**
 * Expects the invariants of a region pool: counters equal their members, and the order of free hosts equals their congestion.
 */
export function expectConsistent(dump: PoolDump): void {
  const hosts = Object.entries(dump.hosts);
  for (const [hostId, host] of hosts) {
    const held = dump.index
      .filter((member) => member.startsWith(`${hostId}|`))
      .map((member) => dump.sessions[member.slice(hostId.length + 1)]);
    expect(held.every((session) => session?.hostId === hostId && session.state !== 'ended')).to.equal(true);
    expect(host.committed, `committed of ${hostId}`).to.equal(held.length);
    expect(host.digest, `digest of ${hostId}`).to.equal(
      digestSessions(held.filter((one) => one !== undefined)),
    );
  }
  const free = hosts
    .filter(([, host]) => host.state === 'ready' && host.closures.length === 0 && host.committed < host.slots)
    .map(([hostId, host]) => [hostId, congestion(host)] as const)
    .sort((a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : 1));
  expect(dump.free, 'order of free hosts').to.deep.equal(free);
  const ready = hosts.filter(([, host]) => host.state === 'ready' && host.closures.length === 0);
  expect(dump.slots, 'slots').to.equal(ready.reduce((sum, [, host]) => sum + host.slots, 0));
  const live = Object.values(dump.sessions).filter((session) => session.state !== 'ended');
  expect(dump.index).to.have.length(live.length);
  expect(dump.live, 'live sessions').to.equal(live.length);
  for (const [list, state] of DUE_LISTS) {
    const inState = Object.keys(dump.sessions).filter((id) => dump.sessions[id]?.state === state);
    expect(idsOf(dump[list]), list).to.have.members(inState);
  }
  expectConsistentQueue(dump);
}

/**
 * Expects that each waiting entry is either in the queue or has an offer, and that nobody waits while a slot is free, except slots
 * that are kept for sessions that lost their host.
 */
function expectConsistentQueue({
  queue,
  waiting,
  attended,
  offers,
  free,
  hosts,
  lost,
  sessions,
  closures,
}: PoolDump): void {
  expect(idsOf(attended), 'attended').to.have.members(Object.keys(waiting));
  expect([...idsOf(queue), ...idsOf(offers)], 'waiting').to.have.members(Object.keys(waiting));
  for (const [id, score] of queue) expect(score, `score of ${id}`).to.equal(waiting[id]?.score);
  for (const id of idsOf(offers)) {
    const { epoch, clientBrokerId, meta } = waiting[id]!;
    expect(sessions[id], `offer to ${id}`).to.deep.include({ clientBrokerId, meta });
    // A later attempt keeps the offer that was made to the one before.
    expect(sessions[id]!.epoch, `epoch of the offer to ${id}`).to.be.at.most(epoch);
  }
  if (closures.length > 0) expect(waiting, 'waiting entries of a closed region pool').to.deep.equal({});
  if (queue.length === 0) return;
  if (lost.length === 0) expect(free, 'free hosts while entries wait').to.deep.equal([]);
  // Beside these, only a host that is silent has a free slot.
  const newestAtMs = Math.max(...Object.values(hosts).map(({ heartbeatAtMs }) => heartbeatAtMs));
  const slots = free
    .flatMap(([hostId]) => hosts[hostId] ?? [])
    .filter(({ heartbeatAtMs }) => heartbeatAtMs === newestAtMs)
    .map((host) => (host.failures === null ? host.slots - host.committed : 1));
  expect(
    slots.reduce((sum, count) => sum + count, 0),
    'free slots while entries wait',
  ).to.be.at.most(lost.length);
}

function idsOf(scores: Scores): string[] {
  return scores.map(([id]) => id);
}
