import js from '@eslint/js';
import tseslint from 'typescript-eslint';

const readonly = (...names) => Object.fromEntries(names.map((name) => [name, 'readonly']));

const NODE_GLOBALS = readonly(
  ...['AbortController', 'AbortSignal', 'Buffer', 'TextDecoder', 'TextEncoder', 'URL', 'URLSearchParams'],
  ...['clearImmediate', 'clearInterval', 'clearTimeout', 'console', 'fetch', 'performance', 'process'],
  ...['queueMicrotask', 'setImmediate', 'setInterval', 'setTimeout', 'structuredClone'],
);
const BROWSER_GLOBALS = readonly(
  ...['AbortController', 'AbortSignal', 'Blob', 'CustomEvent', 'Event', 'EventTarget', 'FormData', 'Headers'],
  ...['Response', 'TextDecoder', 'TextEncoder', 'URL', 'URLSearchParams', 'WebSocket', 'VideoDecoder'],
  ...[
    'EncodedVideoChunk',
    'atob',
    'btoa',
    'cancelAnimationFrame',
    'clearInterval',
    'clearTimeout',
    'console',
  ],
  ...['crypto', 'document', 'fetch', 'history', 'localStorage', 'location', 'navigator', 'performance'],
  ...['queueMicrotask', 'requestAnimationFrame', 'sessionStorage', 'setInterval', 'setTimeout', 'window'],
);

const NO_TIMERS = 'Tests wait for events, or with the helpers in test/support/time.';

const NO_PLATFORM_TIME =
  'Take time, timers and random numbers from the clock and the random source that are passed in.';

/** Folders whose code runs on a clock and random numbers that are passed in, so that tests and simulations move them. */
const ON_PASSED_CLOCK = ['client-sdk', 'host-sdk', 'sdk-runtime', 'server'];

/** The only files of those folders that provide the platform's clock, timers and random numbers. */
const CLOCK_FILES = ['sdk-runtime/clock.ts', 'server/runtime/system-runtime.ts'];

/** Files that use the platform's, because no simulation runs them. */
const ON_PLATFORM_CLOCK = [
  // Commands talk to a person, and run once.
  'server/cli/**',
  // Secrets of a broker that was started for development.
  'server/config/development-config.ts',
];

/** Functions that draw random numbers. */
const RANDOM_FUNCTIONS = [
  ...['getRandomValues', 'randomBytes', 'randomFill', 'randomFillSync', 'randomInt', 'randomUUID'],
];

const TIME_GLOBALS = [
  ...['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'clearImmediate'],
  ...['queueMicrotask', 'performance', 'requestAnimationFrame', 'requestIdleCallback', 'scheduler'],
];

/** What browsers load as it is. */
const BROWSER_FILES = ['examples/browser-player/**/*.js'];

export default tseslint.config(
  { ignores: ['**/dist/', 'coverage/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      // More values belong into one object with names.
      '@typescript-eslint/max-params': ['error', { max: 6 }],
      // Conflicts with noPropertyAccessFromIndexSignature, which the compiler enforces.
      '@typescript-eslint/dot-notation': 'off',
      // What implements a promising interface without waiting is `async` on purpose: it rejects, never throws.
      '@typescript-eslint/require-await': 'off',
      // An underscore marks what a signature needs and the function does not (Express tells error handlers
      // by their fourth parameter), and what is left out of a rest.
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      // chai's property assertions (`to.be.true`) are expressions by design.
      '@typescript-eslint/no-unused-expressions': 'off',
      // What is missing there fails the test, as it should.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // Fixtures are taken apart (`const { store, clock } = ...`); they are closures, none of which uses `this`.
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    // Tests never sleep: only these helpers use timers, each for a purpose that its name states.
    files: ['test/**/*.ts'],
    ignores: ['test/support/time/*.ts', 'test/bench/**'],
    rules: {
      'no-restricted-globals': [
        'error',
        ...['setTimeout', 'setInterval'].map((name) => ({ name, message: NO_TIMERS })),
      ],
      'no-restricted-properties': [
        'error',
        ...['setTimeout', 'setInterval'].map((property) => {
          return { object: 'globalThis', property, message: NO_TIMERS };
        }),
        { object: 'AbortSignal', property: 'timeout', message: NO_TIMERS },
        { property: 'waitForTimeout', message: NO_TIMERS },
      ],
      'no-restricted-imports': [
        'error',
        ...['timers', 'timers/promises', 'node:timers', 'node:timers/promises'].map((name) => {
          return { name, message: NO_TIMERS };
        }),
      ],
      'no-restricted-syntax': [
        'error',
        {
          selector:
            'CallExpression[callee.name=/^(waitUntil|retryUntilSuccess)$/] ' +
            'CallExpression[callee.object.name=/^(performance|Date)$/][callee.property.name="now"]',
          message: 'A condition on the time is a sleep. ' + NO_TIMERS,
        },
      ],
    },
  },
  {
    files: ON_PASSED_CLOCK.map((folder) => `${folder}/**/*.ts`),
    ignores: [...CLOCK_FILES, ...ON_PLATFORM_CLOCK],
    rules: {
      'no-restricted-globals': [
        'error',
        ...TIME_GLOBALS.map((name) => ({ name, message: NO_PLATFORM_TIME })),
      ],
      'no-restricted-properties': [
        'error',
        ...[
          ...TIME_GLOBALS.flatMap((property) =>
            ['globalThis', 'window', 'self'].map((object) => ({ object, property })),
          ),
          { object: 'Date', property: 'now' },
          { object: 'Math', property: 'random' },
          { object: 'AbortSignal', property: 'timeout' },
          ...['nextTick', 'hrtime', 'uptime'].map((property) => ({ object: 'process', property })),
          ...RANDOM_FUNCTIONS.map((property) => ({ property })),
        ].map((restricted) => ({ ...restricted, message: NO_PLATFORM_TIME })),
      ],
      'no-restricted-imports': [
        'error',
        {
          paths: [
            ...['timers', 'timers/promises', 'perf_hooks'].flatMap((name) =>
              [name, `node:${name}`].map((module) => ({ name: module, message: NO_PLATFORM_TIME })),
            ),
            ...['crypto', 'node:crypto'].map((name) => ({
              name,
              importNames: RANDOM_FUNCTIONS,
              message: NO_PLATFORM_TIME,
            })),
            // Version 7 is made of the time and the random bytes that it is given.
            { name: 'uuid', importNames: ['v1', 'v4', 'v6'], message: NO_PLATFORM_TIME },
          ],
        },
      ],
      'no-restricted-syntax': [
        'error',
        { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', message: NO_PLATFORM_TIME },
      ],
    },
  },
  {
    files: ['loadtest/history/**/*.ts'],
    rules: {
      // Positions that were counted a line before.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // Recorders are taken apart; they are closures, none of which uses `this`.
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    files: ['**/*.{js,mjs,cjs}'],
    ignores: BROWSER_FILES,
    languageOptions: { globals: NODE_GLOBALS },
  },
  {
    files: ['**/*.{js,mjs,cjs}'],
    // A file may name the globals it uses in a comment of its own, as examples do.
    rules: { 'no-redeclare': ['error', { builtinGlobals: false }] },
  },
  { files: ['**/*.cjs'], languageOptions: { sourceType: 'commonjs', globals: { module: 'writable' } } },
  { files: BROWSER_FILES, languageOptions: { globals: BROWSER_GLOBALS } },
);
