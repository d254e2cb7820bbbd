import { Type } from 'typebox';
import {
  CONFLICT_CHOICES,
  END_REASONS,
  HELD_STATES,
  HOST_LIMIT_KINDS,
  HOST_LOST_CHOICES,
  LIMIT_KINDS,
  REGION_STATES,
  SESSION_STATES,
} from './vocabulary.js';

export const SessionState = Type.Enum([...SESSION_STATES]);
export const HeldState = Type.Enum([...HELD_STATES]);
export const EndReason = Type.Enum([...END_REASONS]);
export const RegionState = Type.Enum([...REGION_STATES]);
export const HostLimitKind = Type.Enum([...HOST_LIMIT_KINDS]);
export const LimitKind = Type.Enum([...LIMIT_KINDS]);
export const OnConflict = Type.Enum([...CONFLICT_CHOICES]);
export const OnHostLost = Type.Enum([...HOST_LOST_CHOICES]);
