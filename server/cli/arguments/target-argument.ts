import { isName } from '../../auth/claims.js';
import type { OrderTarget } from '../../domain/drain.js';
import { CommandFailure } from '../output/command-failure.js';

/** What an order may be about, with how each is named on the command line. */
const TARGET_FORMS = {
  region: { parts: 1, form: 'REGION', example: 'eu-west' },
  pool: { parts: 2, form: 'REGION/POOL', example: 'eu-west/console-x' },
  host: { parts: 3, form: 'REGION/POOL/HOST', example: 'eu-west/console-x/host-1' },
} as const;

export type TargetKind = keyof typeof TARGET_FORMS;
export const TARGET_KINDS = ['region', 'pool', 'host'] as const satisfies readonly TargetKind[];

/**
 * Reads what an order is about.
 *
 * @throws CommandFailure that says how such a thing is named
 */
export function parseTarget(kind: TargetKind, name: string): OrderTarget {
  const { parts: wanted, form, example } = TARGET_FORMS[kind];
  const parts = name.split('/');
  if (parts.length !== wanted) {
    throw new CommandFailure(`A ${kind} is named ${form}, such as ${example}. This was "${name}".`);
  }
  const wrong = parts.find((part) => !isName(part));
  if (wrong !== undefined) {
    throw new CommandFailure(
      `"${wrong}" is no name: 1 to 63 lower-case letters, digits and hyphens, and no hyphen at its beginning.`,
    );
  }
  const [region = '', pool = null, hostId = null] = parts;
  return { region, pool, hostId };
}

/** A target as the command line takes it: `region eu-west`, `host eu-west/console-x/host-1`. */
export function describeTarget({ region, pool, hostId }: OrderTarget): string {
  if (pool === null) return `region ${region}`;
  return hostId === null ? `pool ${region}/${pool}` : `host ${region}/${pool}/${hostId}`;
}
