import { formatDuration } from '@duskline/loadtest/plan/duration.js';
import type { Progress } from '@duskline/loadtest/run/run-options.js';
import { renderBar } from '../output/text-table.js';

const BAR_WIDTH = 16;

/** The state of a run, in one line. */
export function renderProgress(progress: Progress): string {
  const { stage, share, leftMs = 0, connected, clients, playing, waiting, refused, unanswered } = progress;
  if (share === undefined) {
    const missing = clients - connected;
    const open = [
      ...(missing > 0 ? [`${connected} of ${clients} connected`] : []),
      ...(unanswered > 0 ? [`${unanswered} unanswered`] : []),
    ];
    return [stage, ...open].join('  ');
  }
  const { offeredPerSecond, matchedPerSecond, p99Ms } = progress;
  const figures = [
    `offered ${Math.round(offeredPerSecond)}/s`,
    `matched ${Math.round(matchedPerSecond)}/s`,
    `p99 ${p99Ms === undefined ? '–' : formatDuration(p99Ms)}`,
    `playing ${playing}`,
    `waiting ${waiting}`,
    ...(refused > 0 ? [`refused ${refused}`] : []),
    ...(unanswered > 0 ? [`unanswered ${unanswered}`] : []),
  ];
  return `${renderBar(share, BAR_WIDTH)} ${Math.ceil(leftMs / 1_000)} s left  ${stage}  ${figures.join('  ')}`;
}
