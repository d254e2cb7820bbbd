import type { Scenario } from './scene.js';
import { CONNECTIONS } from './scenarios/connections.js';
import { DEVICES } from './scenarios/devices.js';
import { HOSTS } from './scenarios/hosts.js';
import { MOVES } from './scenarios/moves.js';
import { QUEUE } from './scenarios/queue.js';
import { REQUESTS } from './scenarios/requests.js';
import { SESSIONS } from './scenarios/sessions.js';

/** The scenarios of PROTOCOL.md, in its order. */
export const SCENARIOS: readonly Scenario[] = [
  ...CONNECTIONS,
  ...REQUESTS,
  ...QUEUE,
  ...DEVICES,
  ...HOSTS,
  ...SESSIONS,
  ...MOVES,
];
