import { parseDurationMs } from './duration.js';

/** A fault that the run injects. `atMs` counts from the first arrival, `text` is as on the command line. */
export type PlannedFault = { readonly atMs: number; readonly text: string } & FaultAction;

export type FaultAction =
  /** Cuts the connection of one host of the run without `leave`; of this region, if one is named. */
  | { readonly kind: 'kill-host'; readonly region?: string }
  /** Kills one broker with SIGKILL. With a time, the broker starts again after it, on the same port. */
  | { readonly kind: 'kill-broker'; readonly backAfterMs?: number }
  /** One broker hangs with every socket open. */
  | { readonly kind: 'pause-broker'; readonly lastsMs: number }
  /** Redis answers nothing. */
  | { readonly kind: 'pause-redis'; readonly lastsMs: number }
  /** Operators empty a region by a deadline. */
  | { readonly kind: 'drain'; readonly region: string; readonly deadlineMs: number };

export type FaultKind = FaultAction['kind'];

const DRAIN_DEADLINE_MS = 30_000;

const FORM =
  /^(?<kind>kill-host|kill-broker|pause-broker|pause-redis|drain)(?::(?<target>[a-z0-9][a-z0-9-]{0,62}))?@(?<at>[^:]+)(?::(?<span>.+))?$/;

const FAULT_FORMS =
  'kill-host@20s, kill-host:eu-west@20s, kill-broker@30s, kill-broker@30s:5s (comes back), pause-broker@30s:1s, pause-redis@40s:5s, drain:eu-west@50s, drain:eu-west@50s:20s (deadline)';

/** @throws RangeError that names the wrong part, and the forms that are allowed */
export function parseFault(text: string): PlannedFault {
  const parts = FORM.exec(text)?.groups;
  const atMs = parseDurationMs(parts?.['at'] ?? '');
  const spanText = parts?.['span'];
  const spanMs = spanText === undefined ? undefined : parseDurationMs(spanText);
  if (parts === undefined || atMs === undefined || (spanText !== undefined && spanMs === undefined)) {
    throw new RangeError(`"${text}" is not a fault. Use one of: ${FAULT_FORMS}.`);
  }
  const action = actionOf(text, parts['kind'] as FaultKind, parts['target'], spanMs);
  return { atMs, text, ...action };
}

function actionOf(
  text: string,
  kind: FaultKind,
  target: string | undefined,
  spanMs: number | undefined,
): FaultAction {
  if (target !== undefined && kind !== 'drain' && kind !== 'kill-host') {
    throw new RangeError(`"${text}": ${kind} takes no target. --seed determines which one it hits.`);
  }
  switch (kind) {
    case 'kill-host':
      if (spanMs !== undefined)
        throw new RangeError(
          `"${text}": kill-host takes no duration, because a killed host does not start again.`,
        );
      return { kind, ...(target === undefined ? {} : { region: target }) };
    case 'kill-broker':
      return { kind, ...(spanMs === undefined ? {} : { backAfterMs: spanMs }) };
    case 'pause-broker':
    case 'pause-redis':
      if (spanMs === undefined)
        throw new RangeError(`"${text}": the duration is missing. Write it after the time: ${kind}@40s:5s.`);
      return { kind, lastsMs: spanMs };
    case 'drain':
      if (target === undefined)
        throw new RangeError(`"${text}": the region is missing. Write it after drain: drain:eu-west@50s.`);
      return { kind, region: target, deadlineMs: spanMs ?? DRAIN_DEADLINE_MS };
  }
}
