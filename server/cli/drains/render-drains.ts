import type { DrainPreview, DrainReport } from '../../broker/drain/drain-orders.js';
import { DRAIN_OUTCOMES, type DrainMode, type DrainProgress } from '../../domain/drain.js';
import { regionPoolName } from '../../domain/catalog.js';
import { describeTarget } from '../arguments/target-argument.js';
import { formatRelativeTime } from '../output/relative-time.js';
import { renderBar, formatPercent, renderTable } from '../output/text-table.js';

const BAR_WIDTH = 20;

/** Every drain in a line of a table. */
export function renderDrains(drains: readonly DrainReport[], nowMs: number): string {
  if (drains.length === 0) return 'Nothing is being drained, and nothing has been.\n';
  const rows = drains.map((drain) => [
    describeTarget(drain.target),
    drain.state,
    drain.orderedBy,
    formatRelativeTime(drain.deadlineAtMs, nowMs),
    progressBar(drain),
    ...DRAIN_OUTCOMES.map((outcome) => String(drain.progress[outcome])),
  ]);
  return renderTable(['target', 'state', 'ordered by', 'deadline', 'progress', ...DRAIN_OUTCOMES], rows);
}

/** How far a drain is, in a line without its end: short enough for a narrow terminal, so without the zeros. */
export function renderProgress(drain: DrainReport): string {
  const counts = DRAIN_OUTCOMES.filter((outcome) => outcome === 'staying' || drain.progress[outcome] > 0)
    .map((outcome) => `${drain.progress[outcome]} ${outcome}`)
    .join(', ');
  return `${describeTarget(drain.target)}  ${progressBar(drain)}  ${counts}`;
}

const MODE_MEANINGS = {
  wait: 'Nobody is moved: sessions go on until their players leave.',
  move: 'What can be moved goes on elsewhere while it is played (duskline moves); the rest until its players leave.',
} as const satisfies Record<DrainMode, string>;

/** What an order that was taken means from now on. */
export function renderOrdered(drain: DrainReport, nowMs: number): string {
  const { staying } = drain.progress;
  const target = describeTarget(drain.target);
  const deadline = `${new Date(drain.deadlineAtMs).toISOString()} (${formatRelativeTime(drain.deadlineAtMs, nowMs)})`;
  const then =
    drain.atDeadline === 'end' ? 'sessions that are left end then' : 'sessions that are left then may stay';
  return [
    `${target} is closed to new sessions${staying === 0 ? '' : `; ${countOf(staying, 'session')} there`}.`,
    MODE_MEANINGS[drain.mode],
    `Deadline ${deadline}: ${then}. Ordered by ${drain.orderedBy}.`,
    `To see how far it is: duskline drains. To open it again: duskline undrain ${target}`,
    '',
  ].join('\n');
}

/** What became of everybody, when a drain is done. */
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

/** What a drain would meet, what it could move, and where players could go who come again. */
export function renderPreview(preview: DrainPreview): string {
  const { target, sessions, waiting, freeSlots, fits } = preview;
  const free = freeSlots.reduce((sum, { slots }) => sum + slots, 0);
  const lines = [
    `${describeTarget(target)}: ${countOf(sessions, 'live session')}, ${countOf(waiting, 'waiting request')}. ` +
      'Nothing was changed.',
    `Free slots beside it: ${free}.`,
    ...(free < sessions
      ? ['That is fewer than its sessions: not everybody who comes back finds a slot.']
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

/** What mode move would do; brokers plan it whatever mode was asked for. */
function describePlan({ fits, noRoom, notMovable }: DrainPreview): string {
  const going = fits.reduce((sum, { sessions }) => sum + sessions, 0);
  if (going + noRoom + notMovable === 0) {
    return 'With --mode move nothing would go yet: the store was away, or too many hosts are late. Ask again in a moment.';
  }
  return (
    `With --mode move ${going} would go on elsewhere, ${noRoom} could but would find no room, ` +
    `${notMovable} could only be waited for.`
  );
}

/** The share of sessions that are gone from the target. Where nobody was counted, either nobody has looked or nobody was there. */
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
