import type { Limit, Matched } from '@duskline/protocol';
import type { EndReason, HeldState, SessionState } from '@duskline/protocol/vocabulary';
import type { Listener } from '@duskline/sdk-runtime';
import type { DusklineError } from '../errors.js';

/** The events of a session, with what listeners receive. */
export interface SessionEvents {
  /** The new state, as the host reported it to the broker. States that passed during a reconnect are skipped. */
  state: HeldState;
  /**
   * The session has another host and a new epoch, because the host or the slot was lost, or because it moved although `onMove`
   * failed; or its host has returned at another endpoint. Connect to `session.host` with the new `session.ticket`.
   */
  replaced: Matched['host'];
  /** The session moved to the host that `onMove` connected to. The source host ends its stream now. */
  moved: Matched['host'];
  /** The session will be ended at a time limit, or no longer will be. */
  limit: SessionLimit;
  /** A signal from the host. Signals received before the first listener was added are kept for it. */
  signal: string;
  /** A signal did not reach the host (`PEER_AWAY`, `TOO_MANY_SIGNALS`, ...). The SDK does not send it again. */
  signalLost: DusklineError;
  ended: EndReason;
}

/** When the session will be ended, in milliseconds since 1970 by the broker's clock; `null` if it no longer will be. */
export type SessionLimit = Pick<Limit, 'kind' | 'endsAtMs'>;

/**
 * A session of the player on a host. Connect to `host.endpoint` and show the `ticket` within `claimWithinMs`. The stream does not
 * pass through the broker, so it continues while the client has no connection to a broker.
 */
export interface Session {
  readonly requestId: string;
  readonly sessionId: string;
  /** Increases by one each time the session gets another host. */
  readonly epoch: number;
  readonly title: string;
  readonly region: string;
  readonly pool: string;
  /** The host, and where to connect for the stream. */
  readonly host: Matched['host'];
  /** Admits one client to this session on this host. Secret: do not log it. */
  readonly ticket: string;
  /** The reservation expires if the host has not seen the ticket within this time of the match, in milliseconds. */
  readonly claimWithinMs: number;
  /** Codec, resolution and frame rate: the best that host and device both support. */
  readonly stream: Matched['stream'];
  /** STUN and TURN servers, as `RTCPeerConnection` takes them; absent if there are none. Secret: do not log them. */
  readonly iceServers: Matched['iceServers'];
  /** The rank of this host's region pool among the request's candidates; 1 is the best. */
  readonly rank: number;
  /** How many candidates the request had. */
  readonly candidates: number;
  /** The measured round-trip time to the region, in milliseconds; `undefined` if it could not be measured. */
  readonly rttMs: number | undefined;
  /** Why this host was chosen, in words. */
  readonly reason: string;
  readonly state: SessionState;
  /** Resolves when the session has ended. Never rejects; stays pending if the client is closed before. */
  readonly ended: Promise<EndReason>;
  /** Adds a listener. Returns a function that removes it. */
  on<Name extends keyof SessionEvents>(event: Name, listener: Listener<SessionEvents[Name]>): () => void;
  /**
   * Ends the session with the reason `client_left`. Resolves when the broker confirms the end, or has no record of the session;
   * without a connection, after the reconnect. Repeated calls return the same promise.
   *
   * @throws DusklineError `CLIENT_CLOSED`, or why the broker refused
   */
  end(): Promise<void>;
  /**
   * Sends a signal to the host through the broker, such as an SDP or an ICE candidate. Signals arrive in order and at most once:
   * those in transit when a connection breaks are lost. Without a connection up to 64 signals wait; they are dropped if the
   * session gets another host. Does nothing once the session has ended.
   *
   * @param data 1 to 16384 characters
   * @throws TypeError for anything else
   * @throws DusklineError `TOO_MANY_SIGNALS` if 64 signals are waiting
   */
  signal(data: string): void;
}
