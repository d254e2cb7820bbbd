import type { Catalog, LatencyStep } from '../../domain/catalog.js';
import type { ConfigDocument } from '../document.js';
import type { Path, Report } from '../config-error.js';
import { nearestName } from '../nearest-name.js';
import { entriesOf, listOf, mapOf, numberOf, textOf } from '../unvalidated-values.js';

/** Reports mistakes in regions, pools, titles and latency policies that the schema cannot express. Accepts any document. */
export function checkFleet(root: unknown, report: Report): void {
  const document = mapOf(root);
  const titles = entriesOf(document['titles'], ['titles']);
  const pools = entriesOf(document['pools'], ['pools']);

  for (const { path, value } of entriesOf(document['regions'], ['regions'])) {
    const timeZone = textOf(value['timeZone']);
    if (timeZone !== null && !isTimeZone(timeZone)) {
      report([...path, 'timeZone'], 'is not an IANA time zone, such as Europe/Dublin');
    }
    const beaconUrl = textOf(value['beaconUrl']);
    if (beaconUrl !== null && !isPlainHttpUrl(beaconUrl)) {
      report([...path, 'beaconUrl'], 'must be an http or https URL without user, password or fragment');
    }
  }
  checkUnique(namesIn(document['regions'], 'regions', 'region'), report);
  checkUnique(namesIn(document['pools'], 'pools', 'pool'), report);
  checkUnique(namesIn(document['titles'], 'titles', 'title'), report);

  const known = new Set(titles.map(({ value }) => value['title']));
  const offered = new Set(pools.flatMap(({ value }) => listOf(value['titles'])));
  for (const { path, value } of pools) {
    const poolTitles = itemsOf(value['titles'], [...path, 'titles']);
    checkUnique(poolTitles, report);
    checkUnique(itemsOf(value['codecs'], [...path, 'codecs']), report);
    for (const item of poolTitles) {
      if (!known.has(item.name)) report(item.path, unknown('title', item.name, known));
    }
  }

  const policies = mapOf(document['latencyPolicies']);
  const policyNames = new Set<unknown>(Object.keys(policies));
  for (const { path, value } of titles) {
    const title = textOf(value['title']);
    if (title !== null && !offered.has(title)) report([...path, 'title'], 'no pool has this title');
    const policy = textOf(value['latencyPolicy']);
    if (policy !== null && !policyNames.has(policy)) {
      report([...path, 'latencyPolicy'], unknown('latency policy', policy, policyNames));
    }
  }
  for (const [name, steps] of Object.entries(policies)) {
    checkSteps(steps, ['latencyPolicies', name], report);
  }
}

/** Builds the catalog of a valid document. */
export function buildCatalog(document: ConfigDocument): Catalog {
  const policies = new Map<string, readonly LatencyStep[]>(Object.entries(document.latencyPolicies));
  return {
    regions: new Map(
      document.regions.map((entry) => [entry.region, { ...entry, beaconUrl: entry.beaconUrl ?? null }]),
    ),
    pools: new Map(document.pools.map((entry) => [entry.pool, entry])),
    titles: new Map(
      document.titles.map(({ title, name, latencyPolicy }) => [
        title,
        { title, name, latencyPolicy: policies.get(latencyPolicy) ?? [] },
      ]),
    ),
  };
}

/** The first step starts at 0, and both values of each step have to be greater than those of the step before. */
function checkSteps(steps: unknown, path: Path, report: Report): void {
  let before: { afterMs: number | null; maxRttMs: number | null } | null = null;
  for (const { path: at, value } of entriesOf(steps, path)) {
    const afterMs = numberOf(value['afterMs']);
    const maxRttMs = numberOf(value['maxRttMs']);
    if (before === null) {
      if (afterMs !== null && afterMs !== 0) report([...at, 'afterMs'], 'must be 0 in the first step');
    } else {
      if (afterMs !== null && before.afterMs !== null && afterMs <= before.afterMs) {
        report([...at, 'afterMs'], `must be greater than in the step before (${before.afterMs})`);
      }
      if (maxRttMs !== null && before.maxRttMs !== null && maxRttMs <= before.maxRttMs) {
        report([...at, 'maxRttMs'], `must be greater than in the step before (${before.maxRttMs})`);
      }
    }
    before = { afterMs, maxRttMs };
  }
}

interface NameAtPath {
  readonly path: Path;
  readonly name: string;
}

function namesIn(list: unknown, section: string, key: string): readonly NameAtPath[] {
  return entriesOf(list, [section]).flatMap(({ path, value }) => {
    const name = textOf(value[key]);
    return name === null ? [] : [{ path: [...path, key], name }];
  });
}

function itemsOf(list: unknown, path: Path): readonly NameAtPath[] {
  return listOf(list).flatMap((item, index) =>
    typeof item === 'string' ? [{ path: [...path, index], name: item }] : [],
  );
}

function checkUnique(names: readonly NameAtPath[], report: Report): void {
  const seen = new Set<string>();
  for (const { path, name } of names) {
    if (seen.has(name)) report(path, `${name} occurs twice`);
    seen.add(name);
  }
}

function unknown(what: string, name: string, known: ReadonlySet<unknown>): string {
  const names = [...known].filter((other): other is string => typeof other === 'string');
  const nearest = nearestName(name, names);
  return `there is no ${what} ${name}${nearest === null ? '' : `; did you mean ${nearest}?`}`;
}

/** Offsets such as `+01:00` are not accepted: they have no daylight saving time. */
function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

function isPlainHttpUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  const web = url.protocol === 'http:' || url.protocol === 'https:';
  return web && url.username === '' && url.password === '' && url.hash === '';
}
