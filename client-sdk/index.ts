export { createClient } from './client.js';
export { DusklineError } from './errors.js';
export { distanceKm } from './latency/nearest-regions.js';
export { createBackoffPolicy } from './connection/reconnect-policy.js';
export { systemClock } from '@duskline/sdk-runtime';

export type { BackoffOptions, Clock, Listener, Logger, Random } from '@duskline/sdk-runtime';
export type { Device, RegionChoice, RegionInfo, StreamSettings } from '@duskline/protocol';
export type {
  EndReason,
  LimitKind,
  OnConflict,
  OnHostLost,
  Platform,
  Resolution,
  SessionState,
} from '@duskline/protocol/vocabulary';
export type { Probe } from './latency/beacon-probe.js';
export type { Client, ClientEvents } from './client.js';
export type { ClientStatus, ReadyStatus } from './connection/client-status.js';
export type { LocalErrorCode } from './errors.js';
export type { RttByRegion } from './latency/measure-rtt.js';
export type { Coordinates } from './latency/nearest-regions.js';
export type { ClientOptions, TokenSupplier } from './options.js';
export type { PlayOptions, QueueState, SlotOffer } from './play/play-options.js';
export type { ReconnectPolicy, RetryContext } from './connection/reconnect-policy.js';
export type { MeasureOptions } from './latency/region-meter.js';
export type { SessionMove } from './session/session-move.js';
export type { Session, SessionEnd, SessionEvents, SessionLimit } from './session/session.js';
export type { WakeSignals } from './connection/wake-signals.js';
export type { SocketEvent, SocketLike, WebSocketConstructor } from './connection/web-socket.js';
