import { Type, type Static } from 'typebox';
import { StreamSettings } from './device.js';
import { ErrorMessage } from './error-message.js';
import { DurationMs, Epoch, Name, SessionId, Token } from './identifiers.js';
import { EndReason, HeldState } from './sessions.js';
import { MAX_SLOTS } from './constants.js';

const strict = { additionalProperties: false } as const;

/** See `LOAD_DIMENSIONS`. */
const LoadShare = Type.Number({ minimum: 0, maximum: 100 });

/** What a host measures of itself. Congestion follows the worst of the four. */
export const HostLoad = Type.Object(
  { gpu: LoadShare, encoder: LoadShare, cpu: LoadShare, network: LoadShare },
  strict,
);
export type HostLoad = Static<typeof HostLoad>;

/** A session as its host sees it. The host is the truth about its own sessions. */
export const HeldSession = Type.Object({ sessionId: SessionId, epoch: Epoch, state: HeldState }, strict);
export type HeldSession = Static<typeof HeldSession>;

const HeldSessions = Type.Array(HeldSession, { maxItems: MAX_SLOTS });

/** First message of a host. Due within the hello deadline (5 s). */
export const Register = Type.Object(
  {
    type: Type.Literal('register'),
    /** Host token; may be left out when the upgrade request carried it in `Authorization: Bearer`. */
    token: Type.Optional(Token),
    hostId: Name,
    region: Name,
    pool: Name,
    slots: Type.Integer({ minimum: 1, maximum: MAX_SLOTS }),
    /** Where clients connect for the stream: a URL, passed to them as it is. */
    endpoint: Type.String({ minLength: 1, maxLength: 512, pattern: '^[a-z][a-z0-9+.-]*://[^\\s]+$' }),
    /** What it runs already: empty after a start, not empty when only the connection was lost. */
    sessions: HeldSessions,
    sdk: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  },
  strict,
);
export type Register = Static<typeof Register>;

/** Sent every heartbeat interval, and at once after `registered`: the first one makes the host ready. */
export const Heartbeat = Type.Object(
  { type: Type.Literal('heartbeat'), load: HostLoad, sessions: HeldSessions },
  strict,
);
export type Heartbeat = Static<typeof Heartbeat>;

/** A session on this host changed state: the client showed its ticket, streams, was lost, is over. */
export const HostSession = Type.Object(
  {
    type: Type.Literal('session'),
    sessionId: SessionId,
    epoch: Epoch,
    state: Type.Enum(['active', 'connected', 'disconnected', 'ended'] as const),
    /** Only with `ended`: `client_left` or `host_ended` as a rule, `error` when the host refused it. */
    reason: Type.Optional(EndReason),
  },
  strict,
);
export type HostSession = Static<typeof HostSession>;

/** The host leaves in order. Its sessions end with `host_ended`, its slots are gone. */
export const Leave = Type.Object({ type: Type.Literal('leave') }, strict);
export type Leave = Static<typeof Leave>;

/** Answers `register`. */
export const Registered = Type.Object({
  type: Type.Literal('registered'),
  hostId: Name,
  /** Key that verifies tickets for this host (HS256), base64url. A secret: keep it in memory only. */
  ticketKey: Type.String(),
  heartbeatIntervalMs: DurationMs,
  /** The broker pings this often; silence for two intervals means the connection is dead. */
  pingIntervalMs: DurationMs,
});
export type Registered = Static<typeof Registered>;

/** A slot of this host was reserved; its client arrives with a ticket, or the reservation expires. */
export const Prepare = Type.Object({
  type: Type.Literal('prepare'),
  sessionId: SessionId,
  epoch: Epoch,
  title: Name,
  playerId: Type.String(),
  stream: StreamSettings,
  claimWithinMs: DurationMs,
});
export type Prepare = Static<typeof Prepare>;

/** The session is over on this host, whatever the host still does with it. */
export const HostEnd = Type.Object({
  type: Type.Literal('end'),
  sessionId: SessionId,
  epoch: Epoch,
  reason: EndReason,
});
export type HostEnd = Static<typeof HostEnd>;

/** Everything a host may send, by type. */
export const HOST_TO_BROKER = {
  register: Register,
  heartbeat: Heartbeat,
  session: HostSession,
  leave: Leave,
} as const;
export type HostToBroker = Register | Heartbeat | HostSession | Leave;

/** Everything a broker may send to a host, by type. Hosts ignore types and fields they do not know. */
export const BROKER_TO_HOST = {
  registered: Registered,
  prepare: Prepare,
  end: HostEnd,
  error: ErrorMessage,
} as const;
export type BrokerToHost = Registered | Prepare | HostEnd | ErrorMessage;
