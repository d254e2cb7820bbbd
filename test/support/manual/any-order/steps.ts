import fc from 'fast-check';
import { FAULTY_CALLS, STORE_FAULTS, type FaultyCall, type StoreFault } from '../store-faults.js';

/** The player and its connections, each of which may be closed and opened again on either broker. */
export const DEVICES = [
  { name: 'tv of alice', playerId: 'alice', broker: 0 },
  { name: 'phone of alice', playerId: 'alice', broker: 1 },
  { name: 'tv of bob', playerId: 'bob', broker: 1 },
  { name: 'phone of bob', playerId: 'bob', broker: 0 },
  { name: 'tv of carl', playerId: 'carl', broker: 0 },
] as const;

/** The ids that players use. They are few, so that requests of a player meet. */
export const REQUEST_IDS = ['r1', 'r2', 'r3'] as const;

/** The hosts, each with one slot, and the brokers to which they connect first. */
export const HOSTS = [
  { hostId: 'h1', broker: 0 },
  { hostId: 'h2', broker: 1 },
] as const;

interface DeviceStep {
  readonly device: number;
}

interface RequestStep extends DeviceStep {
  readonly requestId: string;
}

interface PlayStep extends RequestStep {
  readonly kind: 'play';
  readonly onConflict: 'fail' | 'resume' | 'takeover';
  readonly wait: boolean;
  readonly autoAccept: boolean;
}

interface OrderStep extends RequestStep {
  readonly kind: 'cancel' | 'accept';
}

/** The device ends the session that it was told of last; its connection is lost. */
interface LeaveStep extends DeviceStep {
  readonly kind: 'end' | 'disconnect';
}

/** The device opens a new connection. */
interface ConnectStep extends DeviceStep {
  readonly kind: 'connect';
  readonly broker: number;
}

/**
 * - `claim`: the host admits the client of a session that it has prepared.
 * - `loseStream`, `regainStream`, `endByHost`: its session loses its stream, gets it again, or ends.
 * - `cutHost`, `silenceHost`: its connection is lost, or stays open without heartbeats.
 */
interface HostStep {
  readonly kind: 'claim' | 'loseStream' | 'regainStream' | 'endByHost' | 'cutHost' | 'silenceHost';
  readonly host: number;
}

/** The host opens a new connection, with its sessions and reservations or, as after a restart, without. */
interface ReturnStep {
  readonly kind: 'returnHost';
  readonly host: number;
  readonly broker: number;
  readonly keepsSessions: boolean;
}

/** An operator drains the pool, or opens it again. */
interface OperatorStep {
  readonly kind: 'drain' | 'undrain';
  readonly broker: number;
}

/** The next call of this kind is hit by a fault. */
interface FaultStep extends StoreFault {
  readonly kind: 'fault';
  readonly call: FaultyCall;
}

/** Time passes. */
interface PassStep {
  readonly kind: 'pass';
  readonly ms: number;
}

/** One thing that happens. A step that is not possible at its time does nothing, so that a sequence can be made shorter. */
export type Step =
  | PlayStep
  | OrderStep
  | LeaveStep
  | ConnectStep
  | HostStep
  | ReturnStep
  | OperatorStep
  | FaultStep
  | PassStep;

/**
 * Losses that leave the store with less than a broker needs to know, and that brokers do not handle yet:
 *
 * - The answer to a takeover is lost, and another broker cancels the new request before the takeover is repeated: the store no longer
 *   names the request whose session has to end.
 * - A request is lost on its way to the queue while another one of its player resumes it.
 */
function isHandled({ call, part }: FaultStep): boolean {
  if (call === 'replaceLiveRequest') return part !== 'answer lost';
  if (call === 'enqueue') return part === 'call late' || part === 'answer late';
  return true;
}

const device = fc.nat({ max: DEVICES.length - 1 });
const requestId = fc.constantFrom(...REQUEST_IDS);
const host = fc.nat({ max: HOSTS.length - 1 });
const broker = fc.nat({ max: 1 });
const kind = <Kind extends string>(...kinds: Kind[]): fc.Arbitrary<Kind> => fc.constantFrom(...kinds);

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: kind('play'),
      device,
      requestId,
      onConflict: fc.constantFrom('fail' as const, 'resume' as const, 'takeover' as const),
      wait: fc.boolean(),
      autoAccept: fc.boolean(),
    }),
  },
  { weight: 7, arbitrary: fc.record({ kind: kind('cancel'), device, requestId }) },
  { weight: 2, arbitrary: fc.record({ kind: kind('accept'), device, requestId }) },
  { weight: 3, arbitrary: fc.record({ kind: kind('end', 'disconnect'), device }) },
  { weight: 3, arbitrary: fc.record({ kind: kind('connect'), device, broker }) },
  { weight: 6, arbitrary: fc.record({ kind: kind('claim'), host }) },
  { weight: 2, arbitrary: fc.record({ kind: kind('loseStream', 'regainStream', 'endByHost'), host }) },
  { weight: 2, arbitrary: fc.record({ kind: kind('cutHost', 'silenceHost'), host }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: kind('returnHost'), host, broker, keepsSessions: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ kind: kind('drain', 'undrain'), broker }) },
  {
    weight: 14,
    arbitrary: fc
      .record({
        kind: kind('fault'),
        call: fc.constantFrom(...FAULTY_CALLS),
        part: fc.constantFrom(...STORE_FAULTS),
        lateMs: fc.constantFrom(1, 10, 100, 700, 1_500),
      })
      .filter(isHandled),
  },
  {
    weight: 22,
    arbitrary: fc.record({
      kind: kind('pass'),
      ms: fc.oneof(
        { weight: 12, arbitrary: fc.constantFrom(0, 1, 10, 100, 1_000) },
        { weight: 4, arbitrary: fc.constantFrom(3_000, 9_000) },
        { weight: 1, arbitrary: fc.constant(16_000) },
      ),
    }),
  },
);

/** Sequences of steps, which fast-check makes shorter when they fail. */
export const anySteps: fc.Arbitrary<Step[]> = fc.array(anyStep, { maxLength: 60, size: 'max' });
