import type { KeyObject } from 'node:crypto';
import type { AuthConfig } from '../auth/auth-config.js';
import type { IceServerConfig } from '../auth/ice-servers.js';
import type { Catalog } from '../domain/catalog.js';
import type { Limits } from '../domain/limits.js';
import type { Tiers } from '../domain/tiers.js';
import type { RebalanceConfig } from './sections/rebalance-section.js';
import type { Secret } from './secret.js';

/** Log levels, from most to least output. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A valid configuration: defaults are filled in, references and secrets are resolved. */
export interface Config {
  readonly catalog: Catalog;
  readonly auth: AuthConfig;
  /** Key that the keys of tickets and resume tokens derive from. The same on all brokers of a fleet. */
  readonly ticketMasterKey: KeyObject;
  readonly limits: Limits;
  readonly tiers: Tiers;
  readonly rebalance: RebalanceConfig;
  /** STUN and TURN servers for the WebRTC connections of clients and hosts. May be empty. */
  readonly iceServers: readonly IceServerConfig[];
  readonly store: StoreConfig;
  readonly listen: ListenConfig;
  readonly log: { readonly level: LogLevel };
}

/** Address where the broker accepts connections. */
export interface ListenConfig {
  readonly host: string;
  /** 0 stands for any free port. */
  readonly port: number;
}

/** Default address: only this machine can connect. */
export const DEFAULT_LISTEN: ListenConfig = { host: '127.0.0.1', port: 8080 };
export const DEFAULT_LOG_LEVEL: LogLevel = 'info';

/** Store of the fleet's state: memory of this process (for one broker only), or Redis. */
export type StoreConfig = { readonly kind: 'memory' } | RedisConfig;

/** How the broker connects to Redis. */
export interface RedisConfig {
  readonly kind: 'redis';
  readonly topology: RedisTopology;
  /** ACL user; `null` stands for the default user of Redis. */
  readonly username: string | null;
  /** `null` connects without a password. */
  readonly password: Secret | null;
  /** `null` connects without encryption. */
  readonly tls: RedisTls | null;
}

/** One Redis server, a cluster, or a primary that Sentinels find. */
export type RedisTopology =
  | { readonly kind: 'single'; readonly host: string; readonly port: number; readonly database: number }
  | { readonly kind: 'cluster'; readonly nodes: readonly RedisAddress[] }
  /** `name` is the name of the primary in the Sentinels' configuration. */
  | { readonly kind: 'sentinel'; readonly name: string; readonly nodes: readonly RedisAddress[] };

/** Address of a cluster node or a Sentinel. */
export interface RedisAddress {
  readonly host: string;
  readonly port: number;
}

/** TLS of the connection to Redis. Certificates are always verified. */
export interface RedisTls {
  /** Certificate authorities in PEM; `null` trusts those of the system. */
  readonly ca: string | null;
  /** Client certificate in PEM, with its key in `key`; `null` if Redis does not require one. */
  readonly cert: string | null;
  readonly key: Secret | null;
  /** Expected name in the server's certificate; `null` stands for the host of the connection. */
  readonly serverName: string | null;
}
