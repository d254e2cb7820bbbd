import { LatencyRecorder } from '@duskline/loadtest/report/latency-recorder.js';
import type { MeasuredRun } from '@duskline/loadtest/report/load-report.js';

/** Results of a small run. */
export function measuredRun(more: Partial<MeasuredRun> = {}): MeasuredRun {
  const recorder = new LatencyRecorder();
  for (let ms = 1; ms <= 40; ms += 1) recorder.record('match', ms);
  return {
    version: 1,
    startedAt: '2026-04-15T12:00:00.000Z',
    endedEarly: false,
    setting: {
      ...{
        system: 'spawn',
        urls: ['ws://127.0.0.1:1'],
        brokers: 2,
        driver: 'lean',
        workers: 1,
        profile: 'steady',
      },
      ...{ ratePerSecond: 20, seconds: 2, seed: 1, clients: 50, hosts: 4, slots: 10, sessionMs: 1_000 },
      regions: [
        { region: 'eu-west', slots: 20 },
        { region: '<i>far</i>', slots: 20 },
      ],
      faults: ['kill-broker@1s:500ms'],
    },
    ...{
      connected: 50,
      notConnected: 0,
      offered: 43,
      noClientFree: 1,
      matched: 40,
      matchedAtOnce: 39,
      queued: 1,
    },
    refused: { NO_CAPACITY: 2 },
    ...{
      unanswered: 0,
      matchedPerSecond: 20,
      replaced: 0,
      socketsLost: 25,
      moved: 3,
      movesFailed: 1,
      interrupted: 0,
      notAdmitted: 0,
    },
    ended: { client_left: 30 },
    connectionErrors: {},
    times: recorder.summarise(),
    levels: [],
    verdict: { overbooked: 0, lost: 0, outOfOrder: 0, other: 0, settled: true, events: 400, examples: [] },
    brokers: [{ name: 'broker-1', cpuMean: 0.2, cpuMax: 0.4, memoryMaxBytes: 100 * 1_048_576 }],
    crashed: [],
    ownCpuMean: 0.1,
    faults: [{ text: 'kill-broker@1s:500ms', target: 'broker-2', atMs: 1_001, untilMs: 1_900 }],
    timelineIntervalMs: 1_000,
    timeline: [
      {
        ...{
          atMs: 0,
          offered: 20,
          matched: 20,
          queued: 0,
          refused: 0,
          noClientFree: 0,
          p50: 4,
          p99: 30,
          max: 40,
        },
        playing: { 'eu-west': 10 },
        processes: { 'broker-1': { cpu: 0.2, memoryBytes: 90 * 1_048_576 } },
      },
      {
        ...{ atMs: 1_000, offered: 23, matched: 20, queued: 1, refused: 2, noClientFree: 1 },
        ...{ p50: null, p99: null, max: null, playing: {}, processes: {} },
      },
    ],
    ...more,
  };
}
