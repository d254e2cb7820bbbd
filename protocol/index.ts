export * from './client-messages.js';
export * from './codes.js';
export * from './constants.js';
export type { Device, StreamSettings } from './device.js';
export * from './error-message.js';
export * from './host-messages.js';
export * from './ticket.js';
export * from './vocabulary.js';
export type { RequestId, SessionId } from './identifiers.js';
