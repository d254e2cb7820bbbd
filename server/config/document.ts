import { Register } from '@duskline/protocol';
import { CODECS, PLATFORMS, RESOLUTIONS } from '@duskline/protocol/vocabulary';
import { Type, type Static } from 'typebox';
import { DEFAULT_CLOCK_TOLERANCE_S, TOKEN_ALGORITHMS } from '../auth/auth-config.js';
import { DEFAULT_LISTEN, DEFAULT_LOG_LEVEL, LOG_LEVELS } from './config.js';
import { IceServersSection } from './sections/ice-section.js';
import { LimitsSection } from './sections/limits-section.js';
import { RebalanceSection } from './sections/rebalance-section.js';
import { TiersSection } from './sections/tiers-section.js';

/**
 * The schema of the configuration file. `docs/run/configuration.md` describes every key; a test compares keys and defaults.
 * `loadConfig` uses the `default` of a key that is absent.
 */

const strict = { additionalProperties: false } as const;
const { region: Name } = Register.properties;

const DisplayName = Type.String({ minLength: 1, maxLength: 80 });
const FilePath = Type.String({ minLength: 1, maxLength: 4096 });
const Url = Type.String({ minLength: 1, maxLength: 2048 });

const RegionEntry = Type.Object(
  {
    region: Name,
    name: DisplayName,
    lat: Type.Number({ minimum: -90, maximum: 90 }),
    lon: Type.Number({ minimum: -180, maximum: 180 }),
    timeZone: Type.String({ minLength: 1, maxLength: 64 }),
    beaconUrl: Type.Optional(Url),
  },
  strict,
);

const PoolEntry = Type.Object(
  {
    pool: Name,
    platform: Type.Enum([...PLATFORMS]),
    codecs: Type.Array(Type.Enum([...CODECS]), { minItems: 1, maxItems: 8 }),
    maxResolution: Type.Enum([...RESOLUTIONS]),
    maxFps: Type.Integer({ minimum: 24, maximum: 240 }),
    titles: Type.Array(Name, { minItems: 1, maxItems: 10_000 }),
  },
  strict,
);

const TitleEntry = Type.Object({ title: Name, name: DisplayName, latencyPolicy: Name }, strict);

const LatencyPolicyStep = Type.Object(
  {
    afterMs: Type.Integer({ minimum: 0, maximum: 3_600_000 }),
    maxRttMs: Type.Integer({ minimum: 1, maximum: 10_000 }),
  },
  strict,
);

const AuthSection = Type.Object(
  {
    algorithms: Type.Array(Type.Enum([...TOKEN_ALGORITHMS]), { minItems: 1, maxItems: 3 }),
    issuer: Type.Optional(Type.String({ minLength: 1, maxLength: 512 })),
    publicKeyFile: Type.Optional(FilePath),
    jwksUrl: Type.Optional(Url),
    clockToleranceS: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 60, default: DEFAULT_CLOCK_TOLERANCE_S }),
    ),
  },
  strict,
);

const NodeAddress = Type.String({ pattern: '^(\\[[0-9A-Fa-f:.]+\\]|[^\\s:/@\\[\\]]+):[0-9]{1,5}$' });
const NodeAddresses = Type.Array(NodeAddress, { minItems: 1, maxItems: 64 });

const RedisSection = Type.Object(
  {
    url: Type.Optional(Url),
    cluster: Type.Optional(Type.Object({ nodes: NodeAddresses }, strict)),
    sentinel: Type.Optional(
      Type.Object({ name: Type.String({ minLength: 1, maxLength: 256 }), nodes: NodeAddresses }, strict),
    ),
    username: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
    tls: Type.Optional(
      Type.Object(
        {
          caFile: Type.Optional(FilePath),
          certFile: Type.Optional(FilePath),
          keyFile: Type.Optional(FilePath),
          serverName: Type.Optional(Type.String({ minLength: 1, maxLength: 253 })),
        },
        strict,
      ),
    ),
  },
  strict,
);

/** The whole configuration file. */
export const ConfigDocument = Type.Object(
  {
    version: Type.Literal(1),
    regions: Type.Array(RegionEntry, { minItems: 1, maxItems: 64 }),
    pools: Type.Array(PoolEntry, { minItems: 1, maxItems: 256 }),
    titles: Type.Array(TitleEntry, { minItems: 1, maxItems: 10_000 }),
    latencyPolicies: Type.Record(Name, Type.Array(LatencyPolicyStep, { minItems: 1, maxItems: 16 }), {
      minProperties: 1,
      additionalProperties: false,
    }),
    auth: AuthSection,
    limits: Type.Optional(LimitsSection),
    tiers: Type.Optional(TiersSection),
    rebalance: Type.Optional(RebalanceSection),
    iceServers: Type.Optional(IceServersSection),
    store: Type.Optional(Type.Object({ redis: Type.Optional(RedisSection) }, strict)),
    listen: Type.Optional(
      Type.Object(
        {
          host: Type.Optional(Type.String({ minLength: 1, maxLength: 253, default: DEFAULT_LISTEN.host })),
          port: Type.Optional(Type.Integer({ minimum: 0, maximum: 65_535, default: DEFAULT_LISTEN.port })),
        },
        strict,
      ),
    ),
    log: Type.Optional(
      Type.Object(
        { level: Type.Optional(Type.Enum([...LOG_LEVELS], { default: DEFAULT_LOG_LEVEL })) },
        strict,
      ),
    ),
  },
  strict,
);
export type ConfigDocument = Static<typeof ConfigDocument>;
