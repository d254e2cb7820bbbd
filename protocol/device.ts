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
