import type { ManualClock } from '../../time/manual-clock.js';
import { ManualFleet } from '../manual-fleet.js';
import type { Frame } from '../recording-channel.js';
import { StoreFaults } from '../store-faults.js';
import { Device } from './device.js';
import { ReturningHost } from './returning-host.js';
import { DEVICES, HOSTS, type Step } from './steps.js';

/** Short, so that little time has to pass until everything is decided. */
const LIMITS = { reservationMs: 8_000, offerMs: 3_000, queueGraceMs: 10_000 };

/** Longer than a host takes to be lost, and than each of the limits. */
const CALM_MS = 30_000;

const TARGET = { region: 'near', pool: 'console-x', hostId: null } as const;
const OPERATOR = { operatorId: 'operator', from: '127.0.0.1' } as const;

/** Fields of frames that the report of a failure has. */
const SHOWN_FIELDS = [
  'type',
  'requestId',
  'sessionId',
  'epoch',
  'code',
  'state',
  'byRequestId',
  'inReplyTo',
] as const;

/** Two brokers, their store, two hosts and the devices of three players, to which steps happen. */
export class Simulation {
  readonly fleet: ManualFleet;
  readonly hosts: ReturningHost[] = [];
  readonly devices: Device[];
  /** Every connection that was ever open. */
  readonly connections: Device[] = [];
  /** What happened, for the report of a failure. */
  readonly log: string[] = [];
  readonly #faults: StoreFaults;
  readonly #errors: readonly unknown[];
  /** Assignments for which a client got a ticket. */
  readonly #tickets = new Set<string>();
  /** Requests whose last order of their player was a `cancel`, by player and id. */
  readonly #cancelled = new Map<string, 'cancelled' | 'unknown'>();

  private constructor(fleet: ManualFleet, faults: StoreFaults, errors: readonly unknown[]) {
    this.fleet = fleet;
    this.#faults = faults;
    this.#errors = errors;
    this.devices = DEVICES.map((device) => this.#connect(device));
  }

  static async start(): Promise<Simulation> {
    const faults = new StoreFaults();
    const errors: unknown[] = [];
    const fleet = await ManualFleet.start({
      brokers: 2,
      limits: LIMITS,
      changeStore: (store, clock) => faults.install(store, clock),
      onError: (error) => errors.push(error),
    });
    const simulation = new Simulation(fleet, faults, errors);
    const hasTicket = (sessionId: string, epoch: number): boolean =>
      simulation.#tickets.has(`${sessionId} ${epoch}`);
    for (const host of HOSTS) simulation.hosts.push(await ReturningHost.start(fleet, host, hasTicket));
    return simulation;
  }

  get clock(): ManualClock {
    return this.fleet.clock;
  }

  /** Errors that a broker logged, and messages that it failed to handle. */
  get errors(): readonly unknown[] {
    return this.#errors;
  }

  /** Answers that the protocol does not allow. */
  get wrongAnswers(): readonly string[] {
    return this.connections.flatMap(({ problems }) => problems);
  }

  /** Whether the request must be over: its player cancelled it after every other order about it. */
  isCancelled(playerId: string, requestId: string): boolean {
    return this.#cancelled.get(`${playerId} ${requestId}`) === 'cancelled';
  }

  /** Carries out a step, without waiting for what it causes. */
  async carryOut(step: Step): Promise<void> {
    this.#note(Object.values(step).join(' '));
    switch (step.kind) {
      case 'play': {
        const { requestId, onConflict, wait, autoAccept } = step;
        const device = this.devices[step.device]!;
        if (device.play(requestId, { onConflict, wait, autoAccept }))
          this.#cancelled.delete(`${device.playerId} ${requestId}`);
        return;
      }
      case 'cancel':
        this.#cancel(this.devices[step.device]!, step.requestId);
        return;
      case 'accept':
        this.devices[step.device]!.accept(step.requestId);
        return;
      case 'end':
        this.devices[step.device]!.endLast();
        return;
      case 'disconnect':
        this.devices[step.device]!.close();
        return;
      case 'connect':
        this.reconnect(step.device, step.broker);
        return;
      case 'claim':
        this.hosts[step.host]!.claim();
        return;
      case 'loseStream':
        this.hosts[step.host]!.report('disconnected');
        return;
      case 'regainStream':
        this.hosts[step.host]!.report('connected');
        return;
      case 'endByHost':
        this.hosts[step.host]!.endSession();
        return;
      case 'cutHost':
        this.hosts[step.host]!.cut();
        return;
      case 'silenceHost':
        this.hosts[step.host]!.fallSilent();
        return;
      case 'returnHost':
        this.hosts[step.host]!.returnTo(step.broker, step.keepsSessions);
        return;
      case 'drain':
        void this.#drain(step.broker).catch(() => undefined);
        return;
      case 'undrain':
        void this.#undrain(step.broker).catch(() => undefined);
        return;
      case 'fault':
        this.#faults.plan(step.call, step);
        return;
      case 'pass':
        await this.clock.elapse(step.ms);
    }
  }

  /** The faults stop, hosts without a connection return, the pool is open, and all that was begun ends. */
  async calmDown(): Promise<void> {
    this.#note('The faults stop.');
    this.#faults.stop();
    // A registration that reaches the store late replaces the connection that the host has opened since.
    for (let round = 0; round < 2; round += 1) {
      await this.clock.elapse(3_000);
      for (const [i, host] of this.hosts.entries()) if (!host.isWell) host.returnTo(i, true);
    }
    void this.#undrain(0).catch(() => undefined);
    await this.clock.elapse(CALM_MS);
  }

  /** Closes the connection of a device, and opens another one. */
  reconnect(index: number, broker: number): Device {
    this.devices[index]!.close();
    const device = this.#connect({ ...DEVICES[index]!, broker });
    this.devices[index] = device;
    return device;
  }

  /** Connects a device of another player. */
  addDevice(playerId: string): Device {
    return this.#connect({ name: `tv of ${playerId}`, playerId, broker: 0 });
  }

  #connect(at: { readonly name: string; readonly playerId: string; readonly broker: number }): Device {
    const name = `${at.name} on broker ${at.broker}`;
    const device = new Device(this.fleet, at, (frame) => this.#learn(name, frame));
    this.connections.push(device);
    return device;
  }

  #cancel(device: Device, requestId: string): void {
    const { playerId } = device;
    const { live, remembered } = this.fleet.store.playerRequests(playerId);
    const isRecorded = [live, ...remembered].some((request) => request?.requestId === requestId);
    const isAskedElsewhere = this.connections.some(
      (other) => other.playerId === playerId && other.broker !== device.broker && other.knows(requestId),
    );
    const isAsking = device.knows(requestId) === 'asking';
    if (!device.cancel(requestId)) return;
    // A cancel that reaches the store before the request was recorded, through another broker, does not concern it: no broker can
    // know of a request that only another one has received. The player then has to cancel it again. So it is when both brokers
    // receive the request at the same time, and this one has not found yet that the other one has recorded it.
    const isTooEarly = isAskedElsewhere && (!isRecorded || isAsking);
    this.#cancelled.set(`${playerId} ${requestId}`, isTooEarly ? 'unknown' : 'cancelled');
  }

  async #drain(broker: number): Promise<void> {
    const order = {
      target: TARGET,
      mode: 'wait',
      atDeadline: 'end',
      deadlineMs: 5_000,
      yesEverything: true,
    } as const;
    await this.fleet.brokers[broker]!.operations.drain(order, OPERATOR);
  }

  async #undrain(broker: number): Promise<void> {
    await this.fleet.brokers[broker]!.operations.undrain(TARGET, OPERATOR);
  }

  #learn(name: string, frame: Frame): void {
    const { type, sessionId, epoch } = frame;
    if (type === 'matched') this.#tickets.add(`${String(sessionId)} ${String(epoch)}`);
    if (type === 'queued' || type === 'welcome') return;
    const fields = SHOWN_FIELDS.flatMap((field) => (field in frame ? [String(frame[field])] : []));
    this.#note(`  ${name} gets ${fields.join(' ')}`);
  }

  #note(what: string): void {
    this.log.push(`${this.clock.monotonicMs() - 1_000_000} ${what}`);
  }
}
