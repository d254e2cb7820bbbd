import { Type, type Static } from 'typebox';
import { CODECS, DEVICE_KINDS, PLATFORMS, RESOLUTIONS } from './vocabulary.js';

const Codec = Type.Enum([...CODECS]);
export const Resolution = Type.Enum([...RESOLUTIONS]);
export const Platform = Type.Enum([...PLATFORMS]);
const DeviceKind = Type.Enum([...DEVICE_KINDS]);

/** The player's device. */
export const Device = Type.Object(
  {
    kind: DeviceKind,
    /** Codecs that the device decodes. Pools that encode none of them are not suitable. */
    codecs: Type.Array(Codec, { minItems: 1, maxItems: 8 }),
    /** The highest resolution that the device shows. */
    maxResolution: Resolution,
    /** The highest frame rate that the device shows, in frames per second. 60 when absent. */
    maxFps: Type.Optional(Type.Integer({ minimum: 24, maximum: 240 })),
  },
  { additionalProperties: false },
);
export type Device = Static<typeof Device>;

/** Settings of a stream: the best that both pool and device support. */
export const StreamSettings = Type.Object({
  codec: Codec,
  resolution: Resolution,
  /** Frames per second. */
  fps: Type.Integer({ minimum: 24, maximum: 240 }),
});
export type StreamSettings = Static<typeof StreamSettings>;
