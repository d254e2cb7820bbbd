import { Type, type Static } from 'typebox';

/** Video codecs that hosts encode and devices decode, best first. */
export const CODECS = ['av1', 'hevc', 'vp9', 'h264'] as const;
export const Codec = Type.Enum([...CODECS]);
export type Codec = (typeof CODECS)[number];

/** Stream resolutions by picture height, smallest first. */
export const RESOLUTIONS = ['720p', '1080p', '1440p', '2160p'] as const;
export const Resolution = Type.Enum([...RESOLUTIONS]);
export type Resolution = (typeof RESOLUTIONS)[number];

/** What the hosts of a pool are: console hardware, or PCs with GPUs. */
export const PLATFORMS = ['console', 'pc'] as const;
export const Platform = Type.Enum([...PLATFORMS]);
export type Platform = (typeof PLATFORMS)[number];

export const DEVICE_KINDS = ['console', 'pc', 'tv', 'mobile', 'browser'] as const;
export const DeviceKind = Type.Enum([...DEVICE_KINDS]);
export type DeviceKind = (typeof DEVICE_KINDS)[number];

/** What the player plays on. */
export const Device = Type.Object(
  {
    kind: DeviceKind,
    /** Codecs the device decodes; a pool without one of them is unsuitable. */
    codecs: Type.Array(Codec, { minItems: 1, maxItems: 8 }),
    /** The largest picture the device shows; a host sends no larger one. */
    maxResolution: Resolution,
    /** The highest frame rate the device shows, in frames per second; 60 when absent. */
    maxFps: Type.Optional(Type.Integer({ minimum: 24, maximum: 240 })),
  },
  { additionalProperties: false },
);
export type Device = Static<typeof Device>;

/** What host and device agreed to stream: the best that both can do. */
export const StreamSettings = Type.Object({
  codec: Codec,
  resolution: Resolution,
  fps: Type.Integer({ minimum: 24, maximum: 240 }),
});
export type StreamSettings = Static<typeof StreamSettings>;
