// Plays the scenarios and writes their traces into PROTOCOL.md. Run it with `npm run docs:traces`.
import { readFileSync, writeFileSync } from 'node:fs';
import { PROTOCOL_FILE } from '../document/document.js';
import { headingOf, withTraces } from './document-traces.js';
import { SCENARIOS } from './scenarios.js';
import { Scene } from './scene.js';

const traces = new Map<string, string>();
for (const [i, scenario] of SCENARIOS.entries()) {
  traces.set(headingOf(scenario, i), await Scene.play(scenario, 1));
}
const before = readFileSync(PROTOCOL_FILE, 'utf8');
const after = withTraces(before, traces);
if (after !== before) writeFileSync(PROTOCOL_FILE, after);
console.log(after === before ? 'The traces in PROTOCOL.md are up to date.' : 'PROTOCOL.md was updated.');
