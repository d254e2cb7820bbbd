import { isName } from '../../auth/claims.js';
import type { OrderTarget } from '../../domain/drain.js';
import { CommandFailure } from '../output/command-failure.js';

/** Kinds of targets of an order, with the form of their names on the command line. */
const TARGET_FORMS = {
  region: { parts: 1, form: 'REGION', example: 'eu-west' },
  pool: { parts: 2, form: 'REGION/POOL', example: 'eu-west/console-x' },
  host: { parts: 3, form: 'REGION/POOL/HOST', example: 'eu-west/console-x/host-1' },
} as const;

export type TargetKind = keyof typeof TARGET_FORMS;
export const TARGET_KINDS = ['region', 'pool', 'host'] as const satisfies readonly TargetKind[];

/**
 * Parses the name of a target.
 *
 * @throws CommandFailure that shows the form of such a name
 */
export function parseTarget(kind: TargetKind, name: string): OrderTarget {
  const { parts: wanted, form, example } = TARGET_FORMS[kind];
  const parts = name.split('/');
  if (parts.length !== wanted) {
    throw new CommandFailure(
      `"${name}" is not the name of a ${kind}. It must have the form ${form}, such as ${example}.`,
    );
  }
  const wrong = parts.find((part) => !isName(part));
  if (wrong !== undefined) {
    throw new CommandFailure(
      `"${wrong}" is not a valid name. A name has 1 to 63 lower-case letters, digits and hyphens, and does not begin with a hyphen.`,
    );
  }
  const [region = '', pool = null, hostId = null] = parts;
  return { region, pool, hostId };
}

/** Formats a target as on the command line: `region eu-west`, `host eu-west/console-x/host-1`. */
export function describeTarget({ region, pool, hostId }: OrderTarget): string {
  if (pool === null) return `region ${region}`;
  return hostId === null ? `pool ${region}/${pool}` : `host ${region}/${pool}/${hostId}`;
}
