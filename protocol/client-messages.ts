import { Type, type Static } from 'typebox';
import { Device, Platform, Resolution, StreamSettings } from './device.js';
import { ErrorMessage } from './error-message.js';
import { DurationMs, Epoch, Name, RequestId, SessionId, Token } from './identifiers.js';
import { EndReason, LimitKind, OnConflict, OnHostLost, RegionState, SessionState } from './sessions.js';
import { SignalData } from './signal-data.js';

const strict = { additionalProperties: false } as const;

/** First message of a client: who it is and what it plays on. Due within the hello deadline (5 s). */
export const ClientHello = Type.Object(
  {
    type: Type.Literal('hello'),
    /** Player token; may be left out when the upgrade request carried it in `Authorization: Bearer`. */
    token: Type.Optional(Token),
    /** From the last `welcome`: stands for the token, once. See `Welcome.resumeToken`. */
    resumeToken: Type.Optional(Token),
    device: Device,
    /** Name and version of the SDK, for operators' logs. */
    sdk: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  },
  strict,
);
export type ClientHello = Static<typeof ClientHello>;

/** Which regions the player allows. Both lists may be given; a region must pass both. */
export const RegionChoice = Type.Object(
  {
    only: Type.Optional(Type.Array(Name, { minItems: 1, maxItems: 64 })),
    exclude: Type.Optional(Type.Array(Name, { maxItems: 64 })),
  },
  strict,
);
export type RegionChoice = Static<typeof RegionChoice>;

/**
 * Asks for a slot. Answered by `matched` or by `error` with the same `requestId`; by `queued` first, when the
 * request has to wait.
 */
export const Play = Type.Object(
  {
    type: Type.Literal('play'),
    requestId: RequestId,
    title: Name,
    /** Measured round-trip time per region, in milliseconds. A region that is not named is not considered. */
    rtt: Type.Record(Name, Type.Number({ minimum: 0, maximum: 10_000 }), {
      minProperties: 1,
      maxProperties: 64,
      additionalProperties: false,
    }),
    regions: Type.Optional(RegionChoice),
    /** Only pools of this platform; any when absent. */
    platform: Type.Optional(Platform),
    /** Only pools that can send at least this picture; any when absent. */
    minResolution: Type.Optional(Resolution),
    /** Whether to wait in the queue when no slot is free. `true` when absent; else refused with `NO_CAPACITY`. */
    wait: Type.Optional(Type.Boolean()),
    /** What happens when the player has another session or request already. `fail` when absent. */
    onConflict: Type.Optional(OnConflict),
    /**
     * What happens when the session's host is lost: `replace` places the session again, on another host (the
     * default); `end` ends it with `host_lost`.
     */
    onHostLost: Type.Optional(OnHostLost),
    /** Whether the client follows `moving`. `false` when absent: the session is never moved while it is played. */
    canMove: Type.Optional(Type.Boolean()),
  },
  strict,
);
export type Play = Static<typeof Play>;

/** Takes the slot that `offer` holds for this request. Answered by `matched`. */
export const Accept = Type.Object({ type: Type.Literal('accept'), requestId: RequestId }, strict);
export type Accept = Static<typeof Accept>;

/** Takes a `play` back. If it was matched already, its session ends with `client_left`. */
export const Cancel = Type.Object({ type: Type.Literal('cancel'), requestId: RequestId }, strict);
export type Cancel = Static<typeof Cancel>;

/** Ends one of the player's sessions with `client_left`. */
export const EndSession = Type.Object({ type: Type.Literal('end'), sessionId: SessionId }, strict);
export type EndSession = Static<typeof EndSession>;

/** The client could not get into the host that `moving` named: the session stays where it is. */
export const Stay = Type.Object({ type: Type.Literal('stay'), sessionId: SessionId, epoch: Epoch }, strict);
export type Stay = Static<typeof Stay>;

/** Passes a message to the host of one of the player's sessions: a WebRTC offer, answer or candidate. */
export const Signal = Type.Object(
  { type: Type.Literal('signal'), sessionId: SessionId, data: SignalData },
  strict,
);
export type Signal = Static<typeof Signal>;

/** Asks for a `pong`: for clients that cannot see WebSocket ping frames, as in browsers. */
export const Ping = Type.Object(
  { type: Type.Literal('ping'), id: Type.Integer({ minimum: 0, maximum: 4_294_967_295 }) },
  strict,
);
export type Ping = Static<typeof Ping>;

/** A region as clients see it. */
export const RegionInfo = Type.Object({
  region: Name,
  name: Type.String(),
  /** Degrees, WGS 84: lets a client measure the nearest regions first. */
  lat: Type.Number({ minimum: -90, maximum: 90 }),
  lon: Type.Number({ minimum: -180, maximum: 180 }),
  /** IANA name, such as `Europe/Dublin`. */
  timeZone: Type.String(),
  /** Answers `GET` with 204 at once; the client measures its RTT there. */
  beaconUrl: Type.String(),
  state: RegionState,
});
export type RegionInfo = Static<typeof RegionInfo>;

/** Answers `hello`. */
export const Welcome = Type.Object({
  type: Type.Literal('welcome'),
  /** For logs and support: names this connection on this broker. */
  connectionId: Type.String(),
  playerId: Type.String(),
  regions: Type.Array(RegionInfo),
  /** The broker pings this often; silence for two intervals means the connection is dead. */
  pingIntervalMs: DurationMs,
  /** Good for one later `hello` of this player, on any broker. A secret: never log it. */
  resumeToken: Token,
});
export type Welcome = Static<typeof Welcome>;

/** The request waits. Sent when it begins to, and when any of this changes, at most once a second. */
export const Queued = Type.Object({
  type: Type.Literal('queued'),
  requestId: RequestId,
  /** Its place in the queue that is likely to serve it first: 1 is the head. */
  position: Type.Integer({ minimum: 1 }),
  /** When its turn comes, most likely between these two; absent while nothing is known about it. */
  etaMs: Type.Optional(Type.Object({ low: DurationMs, high: DurationMs })),
  /** The region of that queue. */
  region: Name,
});
export type Queued = Static<typeof Queued>;

/** The request's turn came: a slot is held for it. `accept` takes it. */
export const Offer = Type.Object({
  type: Type.Literal('offer'),
  requestId: RequestId,
  region: Name,
  /** Not accepted by then, the request goes to the back of the queue, once; then it ends with `TIMED_OUT`. */
  acceptWithinMs: DurationMs,
});
export type Offer = Static<typeof Offer>;

/** A STUN or TURN server, in the form that `RTCPeerConnection` takes. */
export const IceServer = Type.Object({
  urls: Type.Array(Type.String(), { minItems: 1 }),
  /**
   * Both present for TURN: good for beginning a stream in the next hour or so, and what was begun goes on. A repeated
   * `play` brings fresh ones. The credential is a secret: never log it.
   */
  username: Type.Optional(Type.String()),
  credential: Type.Optional(Type.String()),
});
export type IceServer = Static<typeof IceServer>;

/** What a client is told of a slot that is held for it. */
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
  /** The reservation expires when the host has not seen the ticket by then, counted from the match. */
  claimWithinMs: DurationMs,
  stream: StreamSettings,
  /** For the WebRTC connection of client and host; absent where none are configured. */
  iceServers: Type.Optional(Type.Array(IceServer)),
  /** Which of the request's candidates it got: 1 is the most preferred. */
  rank: Type.Integer({ minimum: 1 }),
  /** How many region and pool pairs could have served the request. */
  candidates: Type.Integer({ minimum: 1 }),
  /** The client's own measured RTT to the region, in milliseconds. */
  rttMs: Type.Number(),
  /** Why this one, in words. */
  reason: Type.String(),
};

/** Answers `play`: a slot is reserved. The client claims it by showing the ticket to the host. */
export const Matched = Type.Object({ type: Type.Literal('matched'), ...matchFields });
export type Matched = Static<typeof Matched>;

/**
 * The session changes its host while it is played. The client shows the ticket at the new host, and leaves the old one
 * when it is let in there; when it is not let in within `claimWithinMs`, it says `stay`.
 */
export const Moving = Type.Object({ type: Type.Literal('moving'), ...matchFields });
export type Moving = Static<typeof Moving>;

/** One of the player's sessions changed state. */
export const SessionChanged = Type.Object({
  type: Type.Literal('session'),
  sessionId: SessionId,
  epoch: Epoch,
  state: SessionState,
  /** Present when `state` is `ended`. */
  reason: Type.Optional(EndReason),
});
export type SessionChanged = Static<typeof SessionChanged>;

/** A limit of the session draws near. Sent ahead of it, and again when it moves away (`endsAtMs` is `null`). */
export const Limit = Type.Object({
  type: Type.Literal('limit'),
  sessionId: SessionId,
  kind: LimitKind,
  /** Milliseconds since 1970, by the broker's clock; `null` when the limit no longer threatens. */
  endsAtMs: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()]),
});
export type Limit = Static<typeof Limit>;

/** Answers `ping` with the same id. */
export const Pong = Type.Object({ type: Type.Literal('pong'), id: Type.Integer() });
export type Pong = Static<typeof Pong>;

/** Everything a client may send, by type. */
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

/** Everything a broker may send to a client, by type. Clients ignore types and fields they do not know. */
export const BROKER_TO_CLIENT = {
  welcome: Welcome,
  queued: Queued,
  offer: Offer,
  matched: Matched,
  moving: Moving,
  session: SessionChanged,
  limit: Limit,
  signal: Signal,
  pong: Pong,
  error: ErrorMessage,
} as const;
export type BrokerToClient =
  Welcome | Queued | Offer | Matched | Moving | SessionChanged | Limit | Signal | Pong | ErrorMessage;
