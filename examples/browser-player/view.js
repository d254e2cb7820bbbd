/** Draws the page. Of the SDK it knows only the status object. */

/** A bar is full at this round-trip time, or at the slowest measured one if that is longer. */
const FULL_BAR_MS = 120;
/** Round-trip times in milliseconds: below the first a stream feels immediate, above the second it feels slow. */
const GOOD_MS = 40;
const BAD_MS = 90;

export function show(id, text) {
  document.getElementById(id).textContent = text;
}

/** Resets the page. */
export function clear() {
  for (const id of ['match', 'reason', 'session', 'limit']) show(id, 'none');
  show('frames', 0);
  document.getElementById('error').hidden = true;
  document.getElementById('regions').replaceChildren();
}

/** @param status the value of `client.status` */
export function showStatus({ state, error, retryInMs }) {
  const why = error === undefined ? '' : ` (${error.code})`;
  const when = retryInMs === undefined ? '' : `, again in ${(retryInMs / 1_000).toFixed(1)} s`;
  show('status', state + why + when);
  document.getElementById('status').dataset.state = state === 'closed' && error ? 'failed' : state;
}

export function showError(error) {
  show('error', error.code ? `${error.code}: ${error.message}` : error.message);
  document.getElementById('error').hidden = false;
}

/**
 * @param rtt milliseconds by region
 * @param regions the regions from the broker, whose names are shown
 */
export function showRegions(rtt, regions) {
  const names = new Map(regions.map(({ region, name }) => [region, name]));
  const rows = Object.entries(rtt).sort(([, a], [, b]) => a - b);
  const max = Math.max(FULL_BAR_MS, ...rows.map(([, ms]) => ms));
  const items = rows.map(([region, ms]) => {
    const name = names.get(region) ?? region;
    const item = document.createElement('li');
    item.dataset.region = region;
    item.append(element('span', name), bar(name, ms, max), element('span', `${ms.toFixed(1)} ms`));
    return item;
  });
  document.getElementById('regions').replaceChildren(...items);
}

/** Marks the chosen region. */
export function markRegion(region) {
  for (const item of document.querySelectorAll('#regions li')) {
    if (item.dataset.region === region) item.setAttribute('aria-current', 'true');
    else item.removeAttribute('aria-current');
  }
}

/**
 * Asks the player whether to accept an offered slot. The dialog closes when `signal` aborts.
 *
 * @returns whether the player accepts
 */
export function askToTake({ region, acceptWithinMs, signal }) {
  const panel = document.getElementById('offer');
  show('offer-text', `A slot in ${region} is yours for ${Math.round(acceptWithinMs / 1_000)} s.`);
  panel.hidden = false;
  signal.addEventListener('abort', () => (panel.hidden = true));
  return new Promise((resolve) => {
    document.getElementById('take').onclick = () => resolve(true);
    document.getElementById('decline').onclick = () => resolve(false);
  });
}

function bar(name, ms, max) {
  const meter = Object.assign(element('meter', `${ms} ms`), { max, low: GOOD_MS, high: BAD_MS, optimum: 0 });
  meter.value = ms;
  meter.setAttribute('aria-label', name);
  return meter;
}

function element(tag, text) {
  return Object.assign(document.createElement(tag), { textContent: text });
}
