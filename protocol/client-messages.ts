import { Type, type Static } from 'typebox';
import { Device, Platform, Resolution, StreamSettings } from './device.js';
import { ErrorMessage } from './error-message.js';
import { DurationMs, Epoch, Name, RequestId, SessionId, Token } from './identifiers.js';
import {
  EndReason,
  LimitKind,
  OnConflict,
  OnHostLost,
  RegionState,
  SessionState,
} from './vocabulary-schemas.js';
import { SignalData } from './signal-data.js';

const strict = { additionalProperties: false } as const;

/** First message of a client: its token and its device. Due within `helloDeadlineMs` (5 s by default). */
export const ClientHello = Type.Object(
  {
    type: Type.Literal('hello'),
    /** Player token. Absent when the upgrade request carried it in `Authorization: Bearer`, or with a resume token. */
    token: Type.Optional(Token),
    /** From the last `welcome`. It replaces the player token once. */
    resumeToken: Type.Optional(Token),
    device: Device,
    /** Name and version of the client's software, for operators' logs. */
    sdk: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  },
  strict,
);
export type ClientHello = Static<typeof ClientHello>;

/** Regions that the player allows: those in `only` (if present) that are not in `exclude`. */
export const RegionChoice = Type.Object(
  {
    only: Type.Optional(Type.Array(Name, { minItems: 1, maxItems: 64 })),
    exclude: Type.Optional(Type.Array(Name, { maxItems: 64 })),
    /** These come before all others, in this order, once the title's latency policy accepts them. */
    prefer: Type.Optional(Type.Array(Name, { maxItems: 64 })),
  },
  strict,
);
export type RegionChoice = Static<typeof RegionChoice>;

/**
 * Requests a slot. Answered by one `matched` or `error` with the same `requestId`; before that by `queued` and `offer`
 * when no slot is free. Repeating it with the same `requestId` is safe.
 */
export const Play = Type.Object(
  {
    type: Type.Literal('play'),
    requestId: RequestId,
    title: Name,
    /**
     * Measured round-trip time by region, in milliseconds. Regions without an entry are not considered. `null` stands for a
     * region whose measurement failed: it is considered after all others, and only at the last step of the latency policy.
     */
    rtt: Type.Record(Name, Type.Union([Type.Number({ minimum: 0, maximum: 10_000 }), Type.Null()]), {
      minProperties: 1,
      maxProperties: 64,
      additionalProperties: false,
    }),
    regions: Type.Optional(RegionChoice),
    /** Only pools of this platform. Any platform when absent. */
    platform: Type.Optional(Platform),
    /** Only pools that can send the device at least this resolution. Any when absent. */
    minResolution: Type.Optional(Resolution),
    /** Whether to wait in a queue when no slot is free. With `false` the answer is `NO_CAPACITY`. `true` when absent. */
    wait: Type.Optional(Type.Boolean()),
    /**
     * Whether the broker accepts an offer for the client at once: `matched` comes without an `offer`. Applies while the client is
     * connected. `false` when absent.
     */
    autoAccept: Type.Optional(Type.Boolean()),
    /** What happens when the player has a session or request already. `fail` when absent. */
    onConflict: Type.Optional(OnConflict),
    /** What happens when the session's host is lost: it gets another host, or it ends. `replace` when absent. */
    onHostLost: Type.Optional(OnHostLost),
    /** Whether the client supports `moving`. `false` when absent: the session is not moved once it is claimed. */
    canMove: Type.Optional(Type.Boolean()),
  },
  strict,
);
export type Play = Static<typeof Play>;

/** Accepts the slot of an `offer`. Answered by `matched`, or by `error` `NO_OFFER`. */
export const Accept = Type.Object({ type: Type.Literal('accept'), requestId: RequestId }, strict);
export type Accept = Static<typeof Accept>;

/** Cancels a request. Answered by `error` `CANCELLED`. If it has become a session, the session ends with `client_left`. */
export const Cancel = Type.Object({ type: Type.Literal('cancel'), requestId: RequestId }, strict);
export type Cancel = Static<typeof Cancel>;

/** Ends a session that this connection knows with `client_left`. Answered by `session` `ended`. */
export const EndSession = Type.Object({ type: Type.Literal('end'), sessionId: SessionId }, strict);
export type EndSession = Static<typeof EndSession>;

/** Declines a move: the host of `moving` did not admit the client, so the session stays on its host. `epoch` is that of `moving`. */
export const Stay = Type.Object({ type: Type.Literal('stay'), sessionId: SessionId, epoch: Epoch }, strict);
export type Stay = Static<typeof Stay>;

/** Passes data, such as a WebRTC offer, answer or candidate, to the host of one of the player's sessions. */
export const Signal = Type.Object(
  { type: Type.Literal('signal'), sessionId: SessionId, data: SignalData },
  strict,
);
export type Signal = Static<typeof Signal>;

/** Requests a `pong`, for clients that cannot see WebSocket pings, such as browsers. */
export const Ping = Type.Object(
  { type: Type.Literal('ping'), id: Type.Integer({ minimum: 0, maximum: 4_294_967_295 }) },
  strict,
);
export type Ping = Static<typeof Ping>;

/** A region of the fleet, for clients. */
export const RegionInfo = Type.Object({
  region: Name,
  name: Type.String(),
  /** Degrees, WGS 84. A client measures the nearest regions first. */
  lat: Type.Number({ minimum: -90, maximum: 90 }),
  lon: Type.Number({ minimum: -180, maximum: 180 }),
  /** IANA name, such as `Europe/Dublin`. */
  timeZone: Type.String(),
  /** URL that answers `GET` with 204 at once. The client measures its round-trip time there. */
  beaconUrl: Type.String(),
  state: RegionState,
});
export type RegionInfo = Static<typeof RegionInfo>;

/** Answers `hello`. */
export const Welcome = Type.Object({
  type: Type.Literal('welcome'),
  /** Id of this connection, for logs and support. */
  connectionId: Type.String(),
  playerId: Type.String(),
  regions: Type.Array(RegionInfo),
  /** Interval of the broker's pings. A connection that is silent for two intervals is dead. */
  pingIntervalMs: DurationMs,
  /** Valid for one later `hello` of this player, on any broker. A secret: never log it. */
  resumeToken: Token,
});
export type Welcome = Static<typeof Welcome>;

/** The request waits. Sent when the wait begins and when a value changes, at most once a second. */
export const Queued = Type.Object({
  type: Type.Literal('queued'),
  requestId: RequestId,
  /** Position in the queue that will probably serve the request first; 1 is the head. */
  position: Type.Integer({ minimum: 1 }),
  /** Expected time until an offer, from now: about 80 % of waits end within this range. Absent while unknown. */
  etaMs: Type.Optional(Type.Object({ low: DurationMs, high: DurationMs })),
  /** The region of that queue. */
  region: Name,
});
export type Queued = Static<typeof Queued>;

/** A slot is held for the request until the client answers with `accept` or `cancel`. */
export const Offer = Type.Object({
  type: Type.Literal('offer'),
  requestId: RequestId,
  region: Name,
  /** After this time the request goes to the back of the queue; the second time it ends with `TIMED_OUT`. */
  acceptWithinMs: DurationMs,
});
export type Offer = Static<typeof Offer>;

/** STUN or TURN servers, in the form of `RTCPeerConnection`. */
export const IceServer = Type.Object({
  urls: Type.Array(Type.String(), { minItems: 1 }),
  /**
   * Both are present for TURN. They are valid for starting a stream within the configured time, an hour by default; a running
   * stream is not interrupted. A repeated `play` returns fresh ones. The credential is a secret: never log it.
   */
  username: Type.Optional(Type.String()),
  credential: Type.Optional(Type.String()),
});
export type IceServer = Static<typeof IceServer>;

/** The slot that is reserved for the client. */
const matchFields = {
  requestId: RequestId,
  sessionId: SessionId,
  epoch: Epoch,
  title: Name,
  region: Name,
  pool: Name,
  host: Type.Object({ hostId: Name, endpoint: Type.String() }),
  /** Admits one client to this session on this host. A secret: never log it. */
  ticket: Type.String(),
  /** The reservation expires if the host has not accepted the ticket by then. A repeated answer has the remaining time. */
  claimWithinMs: DurationMs,
  stream: StreamSettings,
  /** For the WebRTC connection of client and host. Absent if none are configured. */
  iceServers: Type.Optional(Type.Array(IceServer)),
  /** Rank of this region pool among the request's candidates; 1 is the most preferred. */
  rank: Type.Integer({ minimum: 1 }),
  /** Number of candidates: region pools that could serve the request. */
  candidates: Type.Integer({ minimum: 1 }),
  /** The round-trip time that the client measured to the region, in milliseconds. Absent if it could not. */
  rttMs: Type.Optional(Type.Number()),
  /** Why the session was placed there, in one sentence for people. */
  reason: Type.String(),
};

/**
 * A slot is reserved. The client claims it by showing the ticket to the host. Answers `play` and `accept`. Also sent without
 * a request, with a higher epoch, when the session got another host.
 */
export const Matched = Type.Object({ type: Type.Literal('matched'), ...matchFields });
export type Matched = Static<typeof Matched>;

/**
 * The session moves to another host while it is played. The client shows the ticket to the target host and disconnects from the
 * old one once it is admitted. If it is not admitted within `claimWithinMs`, it sends `stay`.
 */
export const Moving = Type.Object({ type: Type.Literal('moving'), ...matchFields });
export type Moving = Static<typeof Moving>;

/**
 * The request continues under another id or on another connection of the player, or another request took its place. The last
 * message about it on this connection.
 */
export const Replaced = Type.Object({
  type: Type.Literal('replaced'),
  requestId: RequestId,
  /** The session that continues. Absent if the request has none. */
  sessionId: Type.Optional(SessionId),
  /** The request that has the session or position now. The same id if another connection repeated the request. */
  byRequestId: RequestId,
});
export type Replaced = Static<typeof Replaced>;

/** A session of this connection changed its state. */
export const SessionChanged = Type.Object({
  type: Type.Literal('session'),
  sessionId: SessionId,
  epoch: Epoch,
  state: SessionState,
  /** Present when `state` is `ended`. */
  reason: Type.Optional(EndReason),
});
export type SessionChanged = Static<typeof SessionChanged>;

/** Warns that the session will end. Sent again with `endsAtMs` `null` if the session will not end after all. */
export const Limit = Type.Object({
  type: Type.Literal('limit'),
  sessionId: SessionId,
  kind: LimitKind,
  /** Milliseconds since 1970, by the broker's clock. */
  endsAtMs: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()]),
});
export type Limit = Static<typeof Limit>;

/** Answers `ping` with the same id. */
export const Pong = Type.Object({ type: Type.Literal('pong'), id: Type.Integer() });
export type Pong = Static<typeof Pong>;

/** Messages from clients, by type. */
export const CLIENT_TO_BROKER = {
  hello: ClientHello,
  play: Play,
  accept: Accept,
  cancel: Cancel,
  end: EndSession,
  stay: Stay,
  signal: Signal,
  ping: Ping,
} as const;
export type ClientToBroker = ClientHello | Play | Accept | Cancel | EndSession | Stay | Signal | Ping;

/** Messages to clients, by type. Clients ignore types and fields that they do not know. */
export const BROKER_TO_CLIENT = {
  welcome: Welcome,
  queued: Queued,
  offer: Offer,
  matched: Matched,
  moving: Moving,
  replaced: Replaced,
  session: SessionChanged,
  limit: Limit,
  signal: Signal,
  pong: Pong,
  error: ErrorMessage,
} as const;
export type BrokerToClient =
  | Welcome
  | Queued
  | Offer
  | Matched
  | Moving
  | Replaced
  | SessionChanged
  | Limit
  | Signal
  | Pong
  | ErrorMessage;
