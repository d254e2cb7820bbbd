import { Type } from 'typebox';
import { MAX_SIGNAL_LENGTH } from './constants.js';

/** Data that client and host of a session exchange through the broker. The broker does not read it. */
export const SignalData = Type.String({ minLength: 1, maxLength: MAX_SIGNAL_LENGTH });
