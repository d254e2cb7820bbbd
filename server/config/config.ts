import type { KeyObject } from 'node:crypto';
import type { AuthConfig } from '../auth/auth-config.js';
import type { IceServerConfig } from '../auth/ice-servers.js';
import type { Catalog } from '../domain/catalog.js';
import type { Limits } from '../domain/limits.js';
import type { Tiers } from '../domain/tiers.js';
import type { RebalanceConfig } from './sections/rebalance-section.js';
import type { Secret } from './secret.js';

/** What is logged, from most to least. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A configuration that was found good: every default filled in, every reference resolved. */
export interface Config {
  readonly catalog: Catalog;
  readonly auth: AuthConfig;
  /** From which the keys of tickets and resume tokens derive. The same on all brokers of a fleet. */
  readonly ticketMasterKey: KeyObject;
  readonly limits: Limits;
  readonly tiers: Tiers;
  readonly rebalance: RebalanceConfig;
  /** For the WebRTC connections of clients and hosts; empty when they need none, or know their own. */
  readonly iceServers: readonly IceServerConfig[];
  readonly store: StoreConfig;
  readonly listen: ListenConfig;
  readonly log: { readonly level: LogLevel };
}

export interface ListenConfig {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
}

/** Only this machine can connect, until told otherwise. */
export const DEFAULT_LISTEN: ListenConfig = { host: '127.0.0.1', port: 8080 };
export const DEFAULT_LOG_LEVEL: LogLevel = 'info';

/** Where the fleet's state lives: in this process (one broker only), or in Redis. */
export type StoreConfig = { readonly kind: 'memory' } | RedisConfig;

export interface RedisConfig {
  readonly kind: 'redis';
  readonly topology: RedisTopology;
  /** ACL user; `null` is Redis's default user. */
  readonly username: string | null;
  readonly password: Secret | null;
  /** `null` connects in the clear. */
  readonly tls: RedisTls | null;
}

export type RedisTopology =
  | { readonly kind: 'single'; readonly host: string; readonly port: number; readonly database: number }
  | { readonly kind: 'cluster'; readonly nodes: readonly RedisNode[] }
  /** `name` is what the Sentinels call the primary. */
  | { readonly kind: 'sentinel'; readonly name: string; readonly nodes: readonly RedisNode[] };

export interface RedisNode {
  readonly host: string;
  readonly port: number;
}

/** TLS towards Redis. Certificates are always verified; there is no option to turn that off. */
export interface RedisTls {
  /** PEM; `null` trusts the system's authorities. */
  readonly ca: string | null;
  /** The client's certificate in PEM, with its key, where Redis asks for one. */
  readonly cert: string | null;
  readonly key: Secret | null;
  /** The name to expect in the server's certificate; `null` is the host connected to. */
  readonly serverName: string | null;
}
