import { Type } from 'typebox';
import { MAX_SIGNAL_LENGTH } from './constants.js';

/** What client and host of a session say to each other through the broker, which does not read it. */
export const SignalData = Type.String({ minLength: 1, maxLength: MAX_SIGNAL_LENGTH });
