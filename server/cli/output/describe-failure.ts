import { HostClosedError } from '@duskline/host';
import { ConfigError } from '../../config/config-error.js';
import { StoreUnavailableError } from '../../store/fleet-store.js';
import { CommandFailure } from './command-failure.js';

/** The text for the terminal: one line for a known cause, the stack trace for any other error. */
export function describeFailure(error: unknown): string {
  if (error instanceof CommandFailure || error instanceof ConfigError) return error.message;
  if (error instanceof StoreUnavailableError)
    return `${error.message}. Check that Redis runs and that its URL is correct.`;
  if (error instanceof HostClosedError) return error.message;
  const { code, port } = (error ?? {}) as { code?: unknown; port?: unknown };
  if (code === 'EADDRINUSE')
    return `Port ${String(port)} is in use. Choose another port with --port, or stop the process that uses it.`;
  if (code === 'EACCES')
    return `This user may not listen on port ${String(port)}. Choose a port above 1023 with --port.`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
