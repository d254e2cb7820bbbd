import { renderBar, formatPercent, renderTable } from '../output/text-table.js';
import type { DemoStatistics } from './demo-figures.js';
import type { DemoFleet } from './demo-fleet.js';
import type { DemoRegions } from './demo-regions.js';

/** The output of the demo while it runs. */
export interface DemoView {
  /** Shows the state of the fleet now. */
  update(dayMs: number): void;
  /** Restores the state of the terminal. */
  close(): void;
}

const HOUR_MS = 3_600_000;

/** For a terminal: a table that refreshes in place. */
export function createLiveView(
  world: DemoRegions,
  fleet: DemoFleet,
  figures: DemoStatistics,
  url: string,
): DemoView {
  let lastAt = performance.now();
  process.stdout.write('\x1b[?25l\x1b[2J');
  return {
    update(dayMs) {
      const seconds = (performance.now() - lastAt) / 1000;
      lastAt = performance.now();
      const rows = world.regions.map((region) => {
        const sessions = fleet.sessionsIn(region.region);
        const used = sessions / Math.max(1, fleet.slotsIn(region.region));
        const { matches, p99Ms } = figures.takeRecentMatches(region.region);
        return [
          region.region,
          clock(world.localHour(region, dayMs)),
          String(fleet.hostsIn(region.region)),
          `${renderBar(used, 24)} ${formatPercent(used)}`,
          String(sessions).padStart(4),
          (matches / seconds).toFixed(1).padStart(6),
          matches === 0 ? '     –' : p99Ms.toFixed(1).padStart(6),
        ];
      });
      const head = ['region', 'local', 'hosts', 'in use', 'players', 'matches/s', 'p99 ms'];
      const lines = [
        `Duskline demo: a day of players on ${fleet.hosts} hosts, one broker at ${url}`,
        '',
        renderTable(head, rows),
        `matched ${figures.matches}, queued ${figures.waits}, refused ${figures.refusals}, overbooked ${fleet.overbooked}. Ctrl-C ends it.`,
      ];
      process.stdout.write(`\x1b[H${lines.join('\n').replaceAll('\n', '\x1b[K\n')}\x1b[J\n`);
    },
    close: () => void process.stdout.write('\x1b[?25h'),
  };
}

/** For pipes and files: a plain line for each update. */
export function createPlainView(
  world: DemoRegions,
  fleet: DemoFleet,
  figures: DemoStatistics,
  write: (line: string) => void,
): DemoView {
  return {
    update(dayMs) {
      const regions = world.regions.map((region) => {
        const used = fleet.sessionsIn(region.region) / Math.max(1, fleet.slotsIn(region.region));
        return `${region.region} ${clock(world.localHour(region, dayMs))} ${formatPercent(used).trim()}`;
      });
      const totals = `matched ${figures.matches} queued ${figures.waits} refused ${figures.refusals} overbooked ${fleet.overbooked}`;
      write(`${clock((dayMs / HOUR_MS) % 24)} UTC  ${totals}  |  ${regions.join('  ')}\n`);
    },
    close: () => undefined,
  };
}

/** Formats an hour such as 20.5 as `20:30`. */
function clock(hour: number): string {
  const minutes = Math.floor(hour * 60);
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
}
