import type { DrainPreview, DrainReport } from '../broker/operations.js';
import { DRAIN_OUTCOMES, type DrainProgress } from '../domain/drain.js';
import { describeTarget } from './order-target.js';
import { relativeTime } from './relative-time.js';
import { bar, percent, table } from './text-table.js';

const BAR_WIDTH = 20;

/** Every drain in a line of a table. */
export function renderDrains(drains: readonly DrainReport[], nowMs: number): string {
  if (drains.length === 0) return 'Nothing is being drained, and nothing has been.\n';
  const rows = drains.map((drain) => [
    describeTarget(drain.target),
    drain.state,
    drain.orderedBy,
    relativeTime(drain.deadlineAtMs, nowMs),
    progressBar(drain),
    ...DRAIN_OUTCOMES.map((outcome) => String(drain.progress[outcome])),
  ]);
  return table(['target', 'state', 'ordered by', 'deadline', 'progress', ...DRAIN_OUTCOMES], rows);
}

/** How far a drain is, in a line without its end: short enough for a narrow terminal, so without the zeros. */
export function renderProgress(drain: DrainReport): string {
  const counts = DRAIN_OUTCOMES.filter((outcome) => outcome === 'staying' || drain.progress[outcome] > 0)
    .map((outcome) => `${drain.progress[outcome]} ${outcome}`)
    .join(', ');
  return `${describeTarget(drain.target)}  ${progressBar(drain)}  ${counts}`;
}

/** What an order that was taken means from now on. */
export function renderOrdered(drain: DrainReport, nowMs: number): string {
  const { staying } = drain.progress;
  const target = describeTarget(drain.target);
  const deadline = `${new Date(drain.deadlineAtMs).toISOString()} (${relativeTime(drain.deadlineAtMs, nowMs)})`;
  const then =
    drain.atDeadline === 'end' ? 'sessions that are left end then' : 'sessions that are left then may stay';
  return [
    `${target} is closed to new sessions${staying === 0 ? '' : `; ${countOf(staying, 'session')} there`}.`,
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

/** What a drain would meet, and where its players could go. */
export function renderPreview({ target, sessions, waiting, freeSlots }: DrainPreview): string {
  const free = freeSlots.reduce((sum, { slots }) => sum + slots, 0);
  const lines = [
    `${describeTarget(target)}: ${countOf(sessions, 'live session')}, ${countOf(waiting, 'waiting request')}. ` +
      'Nothing was changed.',
    `Free slots beside it: ${free}.`,
    ...(free < sessions
      ? ['That is fewer than its sessions: not everybody who comes back finds a slot.']
      : []),
    '',
  ];
  if (freeSlots.length === 0) return lines.join('\n');
  const rows = freeSlots.map(({ region, slots }) => [region, String(slots)]);
  return `${lines.join('\n')}\n${table(['region', 'free slots'], rows)}`;
}

/** The share of sessions that are gone from the target. Where nobody was counted, either nobody has looked or nobody was there. */
function progressBar({ progress, state }: DrainReport): string {
  const total = totalOf(progress);
  const share =
    total === 0 ? Number(state !== 'running') : (progress.left + progress.moved + progress.ended) / total;
  return `${bar(share, BAR_WIDTH)} ${percent(share)}`;
}

function totalOf(progress: DrainProgress): number {
  return DRAIN_OUTCOMES.reduce((sum, outcome) => sum + progress[outcome], 0);
}

function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
