import { Type } from 'typebox';
import { END_REASONS, HELD_STATES, REGION_STATES, SESSION_STATES } from './vocabulary.js';

export const SessionState = Type.Enum([...SESSION_STATES]);
export const HeldState = Type.Enum([...HELD_STATES]);
export const EndReason = Type.Enum([...END_REASONS]);
export const RegionState = Type.Enum([...REGION_STATES]);
