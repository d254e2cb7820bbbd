import { HostClosedError } from '@duskline/host';
import { ConfigError } from '../../config/config-error.js';
import { StoreUnavailableError } from '../../store/fleet-store.js';
import { CommandFailure } from './command-failure.js';

/** What the terminal says about an error: one clear line where the cause is known, the whole trace where not. */
export function describeFailure(error: unknown): string {
  if (error instanceof CommandFailure || error instanceof ConfigError) return error.message;
  if (error instanceof StoreUnavailableError)
    return `${error.message}. Is Redis running, and is its URL right?`;
  if (error instanceof HostClosedError) return error.message;
  const { code, port } = (error ?? {}) as { code?: unknown; port?: unknown };
  if (code === 'EADDRINUSE')
    return `Port ${String(port)} is taken. Choose another with --port, or stop what uses it.`;
  if (code === 'EACCES')
    return `This user may not open port ${String(port)}. Choose one above 1023 with --port.`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
