import { MAX_CHECKPOINT_BYTES } from '@duskline/protocol/constants';

/**
 * The state from which a session continues on another host: the state itself, at most 256 KiB, which brokers pass on without
 * reading it, or a reference (1 to 2048 characters) by which the target host finds the state.
 */
export type Checkpoint = { readonly state: Uint8Array } | { readonly reference: string };

/** A checkpoint in messages: the state in base64. */
export type CheckpointFields = { readonly state: string } | { readonly reference: string };

const MAX_REFERENCE_CHARS = 2_048;
const MAX_REASON_CHARS = 200;

/** Thrown by `onCheckpoint` and `onRestore` to refuse a move. Operators see the message; it must not contain secrets. */
export class CannotMoveError extends Error {
  override readonly name = 'CannotMoveError';
}

/** A checkpoint that brokers refuse: a mistake of the application. */
export class InvalidCheckpointError extends Error {
  override readonly name = 'InvalidCheckpointError';
}

/** @throws InvalidCheckpointError if the state or reference is too long, or the reference is empty */
export function encodeCheckpoint(checkpoint: Checkpoint): CheckpointFields {
  if ('reference' in checkpoint) {
    const { reference } = checkpoint;
    if (reference.length > 0 && reference.length <= MAX_REFERENCE_CHARS) return { reference };
    throw new InvalidCheckpointError(
      `The reference has ${reference.length} characters; allowed are 1 to ${MAX_REFERENCE_CHARS}.`,
    );
  }
  const { buffer, byteOffset, byteLength } = checkpoint.state;
  if (byteLength > MAX_CHECKPOINT_BYTES) {
    throw new InvalidCheckpointError(
      `The state has ${byteLength} bytes; at most ${MAX_CHECKPOINT_BYTES} are allowed. Return a reference to it instead.`,
    );
  }
  return { state: Buffer.from(buffer, byteOffset, byteLength).toString('base64') };
}

/** Returns `undefined` unless there is exactly one of state and reference. */
export function decodeCheckpoint(fields: { state?: string; reference?: string }): Checkpoint | undefined {
  const { state, reference } = fields;
  if ((state === undefined) === (reference === undefined)) return undefined;
  if (reference !== undefined) return { reference };
  return { state: Buffer.from(state ?? '', 'base64') };
}

/**
 * The reason that is sent to the broker: the message of errors that are meant for it. Other errors may contain secrets, so
 * `fallback` is sent instead.
 */
export function describeFailure(error: unknown, fallback: string): string {
  const isForBroker = error instanceof CannotMoveError || error instanceof InvalidCheckpointError;
  const reason = isForBroker && error.message !== '' ? error.message : fallback;
  return reason.slice(0, MAX_REASON_CHARS);
}
