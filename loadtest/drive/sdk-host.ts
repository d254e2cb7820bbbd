import { createHost, type Host, type HostedSession } from '@duskline/host';
import { recordHost } from '../history/host-recording.js';
import type { Claim, LoadHost } from './host-desk.js';
import type { HostContext } from './lean-host.js';
import type { HostPlan } from './messages.js';

/** A host as operators run it: the host SDK, which verifies every ticket. What it streams is left out. */
export class SdkHost implements LoadHost {
  readonly name: string;
  readonly registered: Promise<void>;
  readonly #host: Host;
  readonly #sessions = new Map<string, HostedSession>();
  readonly #prepared = new Map<string, number>();

  constructor(plan: HostPlan, { urls, tally }: HostContext, first: number) {
    const { name, hostId, region, pool, slots, token } = plan;
    this.name = name;
    const turn = first % urls.length;
    this.#host = createHost({
      ...{ hostId, region, pool, slots, token },
      url: [...urls.slice(turn), ...urls.slice(0, turn)],
      endpoint: `ws://loadtest.invalid/${hostId}`,
      measureLoad: () => {
        const share = this.#sessions.size / slots;
        return { gpu: share, encoder: share, cpu: share / 2, network: share / 2 };
      },
    });
    recordHost(tally.recorder, name, this.#host);
    this.#host.on('prepare', ({ sessionId, epoch }) => void this.#prepared.set(sessionId, epoch));
    this.#host.on('end', ({ sessionId, epoch }) => {
      if ((this.#sessions.get(sessionId)?.epoch ?? Infinity) <= epoch) this.#sessions.delete(sessionId);
      this.#prepared.delete(sessionId);
    });
    this.registered = this.#host.whenRegistered();
  }

  admit({ ticket, sessionId }: Claim): boolean {
    const admission = this.#host.admit(ticket);
    if (!admission.ok) return admission.reason === 'already_claimed';
    this.#sessions.set(sessionId, admission.session);
    this.#prepared.delete(sessionId);
    admission.session.connected();
    return true;
  }

  leave(sessionId: string, epoch: number): boolean {
    const session = this.#sessions.get(sessionId);
    if (session?.epoch !== epoch) return false;
    this.#sessions.delete(sessionId);
    return session.end('client_left');
  }

  sessions(): readonly { readonly sessionId: string; readonly epoch: number }[] {
    const held = [...this.#sessions.values()].map(({ sessionId, epoch }) => ({ sessionId, epoch }));
    const prepared = [...this.#prepared].map(([sessionId, epoch]) => ({ sessionId, epoch }));
    return [...held, ...prepared];
  }

  crash(): void {
    void this.#host.close({ abrupt: true });
  }

  async close(politely: boolean): Promise<void> {
    await (politely ? this.#host.leave() : this.#host.close({ abrupt: true }));
  }
}
