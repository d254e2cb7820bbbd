import { Worker } from 'node:worker_threads';
import type {
  HostSnapshot,
  WorkerGauges,
  WorkerOrder,
  WorkerPlan,
  WorkerReport,
  WorkerTick,
} from '../worker-messages.js';

const NO_GAUGES: WorkerGauges = {
  ...{
    connected: 0,
    unanswered: 0,
    waiting: 0,
    unresumed: 0,
    onKilledHost: 0,
    leaving: 0,
    moving: 0,
    vanished: 0,
    rejected: 0,
  },
  playing: {},
};

const CLOSE_DEADLINE_MS = 10_000;

/** The worker threads that simulate the players and hosts of a run. */
export class WorkerPool {
  readonly #workers: Worker[];
  readonly #ticks: (WorkerTick | undefined)[];
  /** Index of the worker that simulates each host. */
  readonly #owners: Readonly<Record<string, number>>;
  readonly #onTick: (worker: number, tick: WorkerTick) => void;
  readonly #pendingReports = new Map<string, (report: WorkerReport) => void>();
  readonly #failed: Promise<never>;
  #closed: Promise<void> | undefined;

  /** @param onTick called with each tick, in the order in which the worker sent them */
  constructor(plans: readonly WorkerPlan[], onTick: (worker: number, tick: WorkerTick) => void) {
    this.#onTick = onTick;
    this.#owners = plans[0]?.hostOwners ?? {};
    this.#ticks = plans.map(() => undefined);
    this.#workers = plans.map((plan) => {
      return new Worker(new URL('./worker.js', import.meta.url), { workerData: plan });
    });
    this.#failed = new Promise<never>((_, reject) => {
      for (const worker of this.#workers) {
        worker.once('error', reject);
        worker.once('exit', (code) => {
          if (this.#closed === undefined)
            reject(new Error(`A worker thread of the load test ended with exit code ${code}.`));
        });
      }
    });
    this.#failed.catch(() => undefined);
    this.#workers.forEach((worker, index) => {
      worker.on('message', (report: WorkerReport) => this.#handleReport(index, report));
    });
  }

  /** Rejects when a worker fails; never resolves. */
  get failed(): Promise<never> {
    return this.#failed;
  }

  /** Sums over all workers, as of their latest ticks. */
  get gauges(): WorkerGauges {
    return this.#ticks.map((tick) => tick?.gauges ?? NO_GAUGES).reduce(addGauges, NO_GAUGES);
  }

  get ticks(): readonly (WorkerTick | undefined)[] {
    return this.#ticks;
  }

  broadcast(order: WorkerOrder): void {
    for (const worker of this.#workers) worker.postMessage(order);
  }

  sendTo(index: number, order: WorkerOrder): void {
    this.#workers[index]?.postMessage(order);
  }

  /** @returns the errors of hosts that could not register */
  async openHosts(): Promise<readonly string[]> {
    const reports = await this.#request({ type: 'open-hosts' }, 'opened');
    return reports.flatMap((report) => (report.type === 'opened' ? report.failed : []));
  }

  async snapshotHosts(): Promise<readonly HostSnapshot[]> {
    const reports = await this.#request({ type: 'snapshot' }, 'snapshot');
    return reports.flatMap((report) => (report.type === 'snapshot' ? report.hosts : []));
  }

  /** @param politely whether hosts send `leave` before they disconnect */
  close(politely: boolean): Promise<void> {
    this.#closed ??= this.#close(politely);
    return this.#closed;
  }

  async #close(politely: boolean): Promise<void> {
    const closed = this.#request({ type: 'close', politely }, 'closed').catch(() => undefined);
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise((resolve) => (timer = setTimeout(resolve, CLOSE_DEADLINE_MS)));
    await Promise.race([closed, deadline]);
    clearTimeout(timer);
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #request(order: WorkerOrder, answer: WorkerReport['type']): Promise<WorkerReport[]> {
    const answers = this.#workers.map((_, index) => {
      return new Promise<WorkerReport>((resolve) => this.#pendingReports.set(`${index} ${answer}`, resolve));
    });
    this.broadcast(order);
    return Promise.race([Promise.all(answers), this.#failed]);
  }

  #handleReport(index: number, report: WorkerReport): void {
    switch (report.type) {
      case 'tick':
        this.#ticks[index] = report;
        this.#onTick(index, report);
        return;
      case 'host-calls': {
        const byOwner = new Map<number, (typeof report.calls)[number][]>();
        for (const call of report.calls) {
          const owner = this.#owners[call.host] ?? 0;
          const list = byOwner.get(owner) ?? [];
          byOwner.set(owner, list);
          list.push(call);
        }
        for (const [owner, calls] of byOwner) this.sendTo(owner, { type: 'host-calls', calls });
        return;
      }
      case 'host-replies':
        this.sendTo(report.to, { type: 'host-replies', replies: report.replies });
        return;
      case 'opened':
      case 'snapshot':
      case 'closed':
        this.#pendingReports.get(`${index} ${report.type}`)?.(report);
    }
  }
}

function addGauges(a: WorkerGauges, b: WorkerGauges): WorkerGauges {
  const playing = { ...a.playing };
  for (const [region, count] of Object.entries(b.playing)) playing[region] = (playing[region] ?? 0) + count;
  return {
    connected: a.connected + b.connected,
    unanswered: a.unanswered + b.unanswered,
    waiting: a.waiting + b.waiting,
    unresumed: a.unresumed + b.unresumed,
    onKilledHost: a.onKilledHost + b.onKilledHost,
    leaving: a.leaving + b.leaving,
    moving: a.moving + b.moving,
    vanished: a.vanished + b.vanished,
    rejected: a.rejected + b.rejected,
    playing,
  };
}
