import type { Registered } from '@duskline/protocol';
import { TypedEvents, type Listener } from '@duskline/sdk-runtime';
import type { Admission, RefusalReason } from './admission/admission.js';
import { SlotWaits } from './admission/slot-waits.js';
import { TicketVerifier } from './admission/ticket-verifier.js';
import { BrokerConnection } from './connection/broker-connection.js';
import { waitUntilRegistered, type HostStatus } from './connection/host-status.js';
import { createLoadReader } from './connection/load-reader.js';
import { SessionRunner } from './effects/session-runner.js';
import type { Host, HostEvents } from './host-interface.js';
import { resolveOptions, type HostOptions, type HostSettings } from './host-options.js';
import type { HostedSession } from './sessions/hosted-session.js';

/**
 * Creates a host and starts to connect to a broker.
 *
 * @throws TypeError that names the first invalid option
 */
export function createHost(options: HostOptions): Host {
  return new BrokerConnectedHost(resolveOptions(options));
}

class BrokerConnectedHost implements Host {
  readonly #settings: HostSettings;
  readonly #events: TypedEvents<HostEvents>;
  readonly #verifier: TicketVerifier;
  readonly #slotWaits: SlotWaits;
  readonly #sessions: SessionRunner;
  readonly #connection: BrokerConnection;

  constructor(settings: HostSettings) {
    const { identity, clock, logger } = settings;
    this.#settings = settings;
    this.#events = new TypedEvents((event, error) =>
      logger.error({ event, err: error }, 'A listener of the host failed'),
    );
    this.#slotWaits = new SlotWaits(clock, identity.slots);
    this.#verifier = new TicketVerifier({
      address: identity,
      wallMs: () => clock.wallMs(),
      toleranceMs: settings.ticketToleranceMs,
    });
    this.#sessions = new SessionRunner(settings, {
      link: {
        isRegistered: () => this.#connection.status.state === 'registered',
        pingsSent: () => this.#connection.pingsSent,
        send: (message) => this.#connection.send(message),
      },
      events: this.#events,
      retryWaiting: () => this.#slotWaits.retry(),
    });
    const readLoad = createLoadReader(settings.measureLoad, (error) =>
      logger.warn({ err: error }, 'The load could not be measured'),
    );
    this.#connection = new BrokerConnection(settings, {
      createRegister: () => ({ type: 'register', ...identity, sessions: this.#sessions.listHeld() }),
      createHeartbeat: () => {
        const sessions = this.#sessions.listForHeartbeat();
        const load = readLoad();
        if (load === null) return null;
        return { type: 'heartbeat', load, sessions, prepared: this.#sessions.listAccepted() };
      },
      handleRegistered: (message) => this.#handleRegistered(message),
      handleMessage: (message) => this.#sessions.handleMessage(message),
      handlePong: (ping) => this.#sessions.handlePong(ping),
      handleStatus: (status) => {
        if (status.state === 'closed') this.#sessions.close();
        this.#events.emit('status', status);
      },
    });
    this.#connection.start();
  }

  get status(): HostStatus {
    return this.#connection.status;
  }

  get usage(): Host['usage'] {
    return { slots: this.#settings.identity.slots, ...this.#sessions.usage };
  }

  sessions(): HostedSession[] {
    return this.#sessions.held();
  }

  on<Name extends keyof HostEvents>(event: Name, listener: Listener<HostEvents[Name]>): () => void {
    return this.#events.on(event, listener);
  }

  whenRegistered(): Promise<void> {
    return waitUntilRegistered(this.status, (listener) => this.on('status', listener));
  }

  admit(ticket: string): Admission {
    if (!this.#sessions.isOpen) return this.#refuseAdmission('host_closed');
    const check = this.#verifier.verify(ticket);
    if (!check.ok) {
      if (check.fault === 'expired') this.#sessions.refuseExpired(check.ticket);
      return this.#refuseAdmission(check.fault);
    }
    const admission = this.#sessions.showTicket(check.ticket);
    return admission.ok ? admission : this.#refuseAdmission(admission.reason, check.ticket.sessionId);
  }

  async admitWhenFree(ticket: string): Promise<Admission> {
    const admission = this.admit(ticket);
    if (admission.ok || admission.reason !== 'no_free_slot') return admission;
    return this.#slotWaits.wait(
      () => this.admit(ticket),
      () => {
        const check = this.#verifier.verify(ticket);
        if (check.ok) this.#sessions.refuseWithoutSlot(check.ticket);
      },
    );
  }

  signal(sessionId: string, data: string): boolean {
    return this.#sessions.signal(sessionId, data);
  }

  leave(): Promise<void> {
    this.#sessions.stopAdmitting();
    const left = this.#connection.close('left');
    this.#sessions.leave();
    return left;
  }

  close({ abrupt = false } = {}): Promise<void> {
    this.#sessions.stopAdmitting();
    return this.#connection.close('closed', abrupt);
  }

  #handleRegistered({ ticketKey }: Registered): boolean {
    if (!this.#verifier.setKey(ticketKey)) return false;
    // Ends are sent before the heartbeat: its list of sessions lacks them, but does not say why they ended.
    this.#sessions.handleRegistered();
    return true;
  }

  #refuseAdmission(reason: RefusalReason, sessionId?: string): Admission {
    this.#settings.logger.debug({ reason, sessionId }, 'A client was turned away');
    return { ok: false, reason };
  }
}
