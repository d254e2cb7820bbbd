import {
  CODECS,
  RESOLUTIONS,
  type Codec,
  type Platform,
  type Resolution,
} from '@duskline/protocol/vocabulary';
import { hasTitle, type Pool } from './catalog.js';

/** What the player's device can show. */
export interface DeviceAbility {
  readonly codecs: readonly Codec[];
  readonly maxResolution: Resolution;
  /** Frames per second; 60 when the device does not say. */
  readonly maxFps?: number | undefined;
}

/** What a request asks of a pool. */
export interface PoolRequirements {
  readonly title: string;
  readonly platform?: Platform | undefined;
  readonly minResolution?: Resolution | undefined;
}

export interface Stream {
  readonly codec: Codec;
  readonly resolution: Resolution;
  readonly fps: number;
}

const DEFAULT_FPS = 60;

/** Whether the pool carries the title and can send the device a stream that satisfies the request. */
export function isSuitable(pool: Pool, device: DeviceAbility, wish: PoolRequirements): boolean {
  if (!hasTitle(pool, wish.title)) return false;
  if (wish.platform !== undefined && wish.platform !== pool.platform) return false;
  const stream = bestStream(pool, device);
  if (stream === undefined) return false;
  return (
    wish.minResolution === undefined ||
    RESOLUTIONS.indexOf(stream.resolution) >= RESOLUTIONS.indexOf(wish.minResolution)
  );
}

/** The best stream that the pool can send and the device can show; `undefined` when they share no codec. */
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
