export * from './client-messages.js';
export * from './codes.js';
export * from './constants.js';
export * from './device.js';
export * from './error-message.js';
export * from './host-messages.js';
export * from './sessions.js';
export * from './ticket.js';
export type { RequestId, SessionId } from './identifiers.js';
