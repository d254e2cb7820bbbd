import { toUnixMs } from '../../domain/store-time.js';
import type { DrainPreview, DrainReport } from '../../broker/drain/drain-orders.js';
import { DRAIN_OUTCOMES, type DrainMode, type DrainProgress } from '../../domain/drain.js';
import { regionPoolName } from '../../domain/catalog.js';
import { describeTarget } from '../arguments/target-argument.js';
import { formatRelativeTime } from '../output/relative-time.js';
import { renderBar, formatPercent, renderTable } from '../output/text-table.js';

const BAR_WIDTH = 20;

/** A table with a line for each drain. */
export function renderDrains(drains: readonly DrainReport[], nowMs: number): string {
  if (drains.length === 0) return 'There are no drains.\n';
  const rows = drains.map((drain) => [
    describeTarget(drain.target),
    drain.state,
    drain.orderedBy,
    formatRelativeTime(toUnixMs(drain.deadlineAtMs), nowMs),
    progressBar(drain),
    ...DRAIN_OUTCOMES.map((outcome) => String(drain.progress[outcome])),
  ]);
  return renderTable(['target', 'state', 'ordered by', 'deadline', 'progress', ...DRAIN_OUTCOMES], rows);
}

/** The progress of a drain, without a line break. Outcomes without sessions are left out, so that it fits a narrow terminal. */
export function renderProgress(drain: DrainReport): string {
  const counts = DRAIN_OUTCOMES.filter((outcome) => outcome === 'staying' || drain.progress[outcome] > 0)
    .map((outcome) => `${drain.progress[outcome]} ${outcome}`)
    .join(', ');
  return `${describeTarget(drain.target)}  ${progressBar(drain)}  ${counts}`;
}

const MODE_MEANINGS = {
  wait: 'No session is moved: sessions go on until their players leave.',
  move: 'Movable sessions move to other hosts (see duskline moves). The others go on until their players leave.',
} as const satisfies Record<DrainMode, string>;

/** What happens after an accepted order. */
export function renderOrdered(drain: DrainReport, nowMs: number): string {
  const { staying } = drain.progress;
  const target = describeTarget(drain.target);
  const deadlineAtMs = toUnixMs(drain.deadlineAtMs);
  const deadline = `${new Date(deadlineAtMs).toISOString()} (${formatRelativeTime(deadlineAtMs, nowMs)})`;
  const then =
    drain.atDeadline === 'end' ? 'sessions that are left are ended' : 'sessions that are left may go on';
  return [
    `${target} is closed to new sessions${staying === 0 ? '' : ` and has ${countOf(staying, 'session')}`}.`,
    MODE_MEANINGS[drain.mode],
    `At the deadline, ${deadline}, ${then}. Ordered by ${drain.orderedBy}.`,
    `To see its progress: duskline drains. To open it again: duskline undrain ${target}`,
    '',
  ].join('\n');
}

/** The outcome of a drain that is done. */
export function renderSummary(drain: DrainReport): string {
  const { progress } = drain;
  const target = describeTarget(drain.target);
  const open = progress.staying + progress.remaining;
  const result = open === 0 ? `${target} is empty` : `The drain of ${target} is over`;
  return [
    `${result}: of ${countOf(totalOf(progress), 'session')} ${progress.left} left, ${progress.moved} moved, ` +
      `${progress.ended} ended by the deadline, ${open} remaining.`,
    `It stays closed. To open it again: duskline undrain ${target}`,
    '',
  ].join('\n');
}

/** What a drain would do: the sessions that it affects, those that it could move, and the free slots of other regions. */
export function renderPreview(preview: DrainPreview): string {
  const { target, sessions, waiting, freeSlots, fits } = preview;
  const free = freeSlots.reduce((sum, { slots }) => sum + slots, 0);
  const lines = [
    `${describeTarget(target)}: ${countOf(sessions, 'live session')}, ${countOf(waiting, 'waiting request')}. ` +
      'Nothing has changed.',
    `Free slots elsewhere: ${free}.`,
    ...(free < sessions
      ? ['These are fewer than its sessions: not every player who reconnects will find a slot.']
      : []),
    ...(sessions > 0 ? [describePlan(preview)] : []),
    '',
  ];
  const parts = [lines.join('\n')];
  if (freeSlots.length > 0) {
    const rows = freeSlots.map(({ region, slots }) => [region, String(slots)]);
    parts.push(renderTable(['region', 'free slots'], rows));
  }
  if (fits.length > 0) {
    const rows = fits.map((fit) => [regionPoolName(fit), String(fit.sessions)]);
    parts.push(renderTable(['would go to', 'sessions'], rows));
  }
  return parts.join('\n');
}

/** What `--mode move` would do. Brokers plan it for every preview, with any mode. */
function describePlan({ fits, noRoom, notMovable }: DrainPreview): string {
  const going = fits.reduce((sum, { sessions }) => sum + sessions, 0);
  if (going + noRoom + notMovable === 0) {
    return 'With --mode move no session would move yet: the store was unreachable, or too many hosts miss their heartbeats. Try again in a moment.';
  }
  return (
    `With --mode move ${going} would move to other hosts, ${noRoom} are movable but find no free slot, ` +
    `${notMovable} are not movable.`
  );
}

/**
 * The share of sessions that have left the target. Without any counted session, a drain that runs has not been counted yet,
 * and a drain that is done had none.
 */
function progressBar({ progress, state }: DrainReport): string {
  const total = totalOf(progress);
  const share =
    total === 0 ? Number(state !== 'running') : (progress.left + progress.moved + progress.ended) / total;
  return `${renderBar(share, BAR_WIDTH)} ${formatPercent(share)}`;
}

function totalOf(progress: DrainProgress): number {
  return DRAIN_OUTCOMES.reduce((sum, outcome) => sum + progress[outcome], 0);
}

function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
