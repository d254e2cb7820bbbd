import { MAX_CHECKPOINT_BYTES } from '@duskline/protocol/constants';
import { isJsonObject, parseJson } from '@duskline/sdk-runtime';
import { CannotMoveError, type Checkpoint } from '../sessions/checkpoint.js';

/** What goes wrong, on purpose, when sessions move. */
export interface MoveFaults {
  /** Of sessions that move away: refuse, never answer, or hand over more than a broker takes. */
  readonly checkpoint?: 'refuse' | 'hang' | 'too_large';
  /** Of sessions that move here. */
  readonly restore?: 'refuse' | 'hang';
}

/** All that a simulated session consists of: how many pictures it has shown, at this host and those before. */
export function encodeFrameCount(count: number, bytes: number): Checkpoint {
  return { state: Buffer.from(JSON.stringify({ count }).padEnd(bytes)) };
}

/** Throws a CannotMoveError for what `encodeFrameCount` did not write. */
export function decodeFrameCount(checkpoint: Checkpoint): number {
  const value = 'state' in checkpoint ? parseJson(Buffer.from(checkpoint.state).toString('utf8')) : undefined;
  const count = isJsonObject(value) ? value['count'] : undefined;
  if (Number.isSafeInteger(count)) return Number(count);
  throw new CannotMoveError('This is no state of a simulated session.');
}

/** What `onCheckpoint` answers with a fault. */
export function failCheckpoint(
  fault: NonNullable<MoveFaults['checkpoint']>,
): Checkpoint | Promise<Checkpoint> {
  if (fault === 'too_large') return { state: new Uint8Array(MAX_CHECKPOINT_BYTES + 1) };
  if (fault === 'hang') return new Promise(() => undefined);
  throw new CannotMoveError('The simulation refuses to hand the session over.');
}

/** What `onRestore` answers with a fault. */
export function failRestore(fault: NonNullable<MoveFaults['restore']>): Promise<boolean> {
  if (fault === 'hang') return new Promise(() => undefined);
  throw new CannotMoveError('The simulation refuses to take the session up.');
}
