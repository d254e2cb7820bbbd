export { createClient } from './client.js';
export { DusklineError } from './errors.js';
export { distanceKm } from './nearest-regions.js';
export { createBackoffPolicy } from './reconnect-policy.js';

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
export type { Probe } from './beacon-probe.js';
export type { Client, ClientEvents } from './client.js';
export type { ClientStatus, ReadyStatus } from './client-status.js';
export type { Clock } from './clock.js';
export type { LocalErrorCode } from './errors.js';
export type { Logger } from './logger.js';
export type { RttByRegion } from './measure-rtt.js';
export type { Coordinates } from './nearest-regions.js';
export type { ClientOptions, TokenSupplier } from './options.js';
export type { PlayOptions, QueueState, SlotOffer } from './play-options.js';
export type { BackoffOptions, ReconnectPolicy, RetryContext } from './reconnect-policy.js';
export type { MeasureOptions } from './region-meter.js';
export type { SessionMove } from './session-move.js';
export type { Session, SessionEvents, SessionLimit } from './session.js';
export type { Listener } from './typed-events.js';
export type { SocketEvent, SocketLike, WebSocketConstructor } from './web-socket.js';
