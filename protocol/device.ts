import { Type, type Static } from 'typebox';
import { CODECS, DEVICE_KINDS, PLATFORMS, RESOLUTIONS } from './vocabulary.js';

const Codec = Type.Enum([...CODECS]);
export const Resolution = Type.Enum([...RESOLUTIONS]);
export const Platform = Type.Enum([...PLATFORMS]);
const DeviceKind = Type.Enum([...DEVICE_KINDS]);

/** What the player plays on. */
export const Device = Type.Object(
  {
    kind: DeviceKind,
    /** Codecs that the device decodes. A pool that encodes none of them does not suit. */
    codecs: Type.Array(Codec, { minItems: 1, maxItems: 8 }),
    /** The largest picture that the device shows. */
    maxResolution: Resolution,
    /** The highest frame rate that the device shows, in frames a second. 60 when absent. */
    maxFps: Type.Optional(Type.Integer({ minimum: 24, maximum: 240 })),
  },
  { additionalProperties: false },
);
export type Device = Static<typeof Device>;

/** Settings of a stream: the best that pool and device both can do. */
export const StreamSettings = Type.Object({
  codec: Codec,
  resolution: Resolution,
  /** Frames a second. */
  fps: Type.Integer({ minimum: 24, maximum: 240 }),
});
export type StreamSettings = Static<typeof StreamSettings>;
