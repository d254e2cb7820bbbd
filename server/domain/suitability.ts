import {
  CODECS,
  RESOLUTIONS,
  type Codec,
  type Platform,
  type Resolution,
} from '@duskline/protocol/vocabulary';
import { hasTitle, type Pool } from './catalog.js';

/** Abilities of the player's device. */
export interface DeviceAbility {
  readonly codecs: readonly Codec[];
  readonly maxResolution: Resolution;
  /** Frames per second; 60 if the device does not say. */
  readonly maxFps?: number | undefined;
}

/** Requirements of a request on a pool. */
export interface PoolRequirements {
  readonly title: string;
  readonly platform?: Platform | undefined;
  readonly minResolution?: Resolution | undefined;
}

/** Settings of a stream. */
export interface Stream {
  readonly codec: Codec;
  readonly resolution: Resolution;
  /** Frames per second. */
  readonly fps: number;
}

const DEFAULT_FPS = 60;

/** Whether the pool has the title and can send the device a stream that meets the requirements. */
export function isSuitable(pool: Pool, device: DeviceAbility, requirements: PoolRequirements): boolean {
  if (!hasTitle(pool, requirements.title)) return false;
  if (requirements.platform !== undefined && requirements.platform !== pool.platform) return false;
  const stream = bestStream(pool, device);
  if (stream === undefined) return false;
  return (
    requirements.minResolution === undefined ||
    RESOLUTIONS.indexOf(stream.resolution) >= RESOLUTIONS.indexOf(requirements.minResolution)
  );
}

/** The best stream that the pool can send and the device can show; `undefined` if they have no codec in common. */
export function bestStream(pool: Pool, device: DeviceAbility): Stream | undefined {
  const codec = CODECS.find((name) => pool.codecs.includes(name) && device.codecs.includes(name));
  if (codec === undefined) return undefined;
  const height = Math.min(RESOLUTIONS.indexOf(pool.maxResolution), RESOLUTIONS.indexOf(device.maxResolution));
  return {
    codec,
    resolution: RESOLUTIONS[height] ?? RESOLUTIONS[0],
    fps: Math.min(pool.maxFps, device.maxFps ?? DEFAULT_FPS),
  };
}
