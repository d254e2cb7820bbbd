export { createLoadModel, LOAD_FACTORS, type LoadModel, type LoadModelOptions } from './load-model.js';
export type { MoveFaults } from './simulated-checkpoint.js';
export type { Random } from '@duskline/sdk-runtime';
export { createSeededRandom, deriveSeed } from './seeded-random.js';
export { createSimulatedHost, type SimulatedHost, type SimulatedHostOptions } from './simulated-host.js';
export type { SimulatedStats } from './simulated-stats.js';
export type { ClientToStream, StreamToClient } from './stream-protocol.js';
export { watchStream, type StreamEvents, type StreamViewer } from './stream-viewer.js';
export { createStreamServer, type StreamServer, type StreamServerOptions } from './stream-server.js';
