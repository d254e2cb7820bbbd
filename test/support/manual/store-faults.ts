import type { MemoryStore } from '@duskline/server/store/memory/memory-store.js';
import { StoreUnavailableError } from '@duskline/server/store/fleet-store.js';
import type { ManualClock } from '../time/manual-clock.js';

/** The calls of a store that a fault may hit: those about players, sessions, queues and hosts. */
export const FAULTY_CALLS = [
  'recordRequests',
  'findRequests',
  'replaceLiveRequest',
  'resumeLiveRequest',
  'clearLiveRequests',
  'renewLiveRequests',
  'startAttempt',
  'setRequestPool',
  'deleteRequest',
  'reserve',
  'getSessions',
  'giveSession',
  'endSessions',
  'recordEnds',
  'updateSessionStates',
  'enqueue',
  'getQueueStatus',
  'acceptOffer',
  'withdrawEntries',
  'expireSessions',
  'takeChangedSessions',
  'registerHost',
  'recordHeartbeats',
  'reconcileHost',
  'getEndpoints',
] as const satisfies readonly (keyof MemoryStore)[];
export type FaultyCall = (typeof FAULTY_CALLS)[number];

/**
 * - `call late`: the store makes the call after `lateMs`.
 * - `answer late`: the store makes it at once, and the broker gets the answer after `lateMs`.
 * - `call lost`: the store does not make it, and the broker learns after `lateMs` that the store is away.
 * - `answer lost`: the store makes it at once, and the broker learns after `lateMs` that the store is away.
 */
export const STORE_FAULTS = ['call late', 'answer late', 'call lost', 'answer lost'] as const;

export interface StoreFault {
  readonly part: (typeof STORE_FAULTS)[number];
  readonly lateMs: number;
}

type Call = (...args: unknown[]) => Promise<unknown>;

/** Faults of a store: each hits the next call of its kind. */
export class StoreFaults {
  readonly #planned = new Map<FaultyCall, StoreFault[]>();

  /** Changes the calls of a store so that planned faults hit them. */
  install(store: MemoryStore, clock: ManualClock): void {
    for (const name of FAULTY_CALLS) {
      const original = store[name] as Call;
      const faulty = async (...args: unknown[]): Promise<unknown> => {
        const fault = this.#planned.get(name)?.shift();
        return fault === undefined ? original(...args) : withFault(() => original(...args), fault, clock);
      };
      Object.assign(store, { [name]: faulty });
    }
  }

  plan(call: FaultyCall, fault: StoreFault): void {
    const planned = this.#planned.get(call);
    if (planned === undefined) this.#planned.set(call, [fault]);
    else planned.push(fault);
  }

  /** Forgets the faults that have hit no call. What is late stays late. */
  stop(): void {
    this.#planned.clear();
  }
}

async function withFault(
  call: () => Promise<unknown>,
  { part, lateMs }: StoreFault,
  clock: ManualClock,
): Promise<unknown> {
  const delay = (): Promise<void> => new Promise((resolve) => void clock.setTimer(resolve, lateMs));
  if (part === 'call late' || part === 'call lost') await delay();
  if (part === 'call lost') throw new StoreUnavailableError('The call was lost.');
  const answer = await call();
  if (part === 'answer late' || part === 'answer lost') await delay();
  if (part === 'answer lost') throw new StoreUnavailableError('The answer was lost.');
  return answer;
}
