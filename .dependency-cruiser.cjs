// Who may import whom. A folder's rule names everything of ours that it may import; whatever else it imports
// of ours fails. Why the lines run as they do: docs/develop/architecture.md and docs/adr/0002-shared-vocabulary.md.
//
// A workspace package is resolved to its folder: from source (`protocol/vocabulary.ts`), or through its
// exports to what was built of it (`protocol/dist/vocabulary.js`). The rules see both alike.

/** Paths of a package of ours, in its sources or as built. */
const inPackage = (folder, file = '') => `^${folder}/(dist/)?${file}`;

const OURS = '^(protocol|server|sdk-runtime|client-sdk|host-sdk|test|scripts|examples|dashboard|loadtest)/';

const PROTOCOL = inPackage('protocol');
const VOCABULARY = inPackage('protocol', 'vocabulary[.]');
const SDK_RUNTIME = inPackage('sdk-runtime');

/** The folders of `server/domain/rebalance`: each imports only those before it. */
const REBALANCE_FOLDERS = ['limits', 'actions', 'snapshot', 'room', 'plan'];

/** The parts of a store, one for each contract. */
const SUBJECTS = '(requests|hosts|sessions|queue|moves|drains|inbox|leases)';

/** One rule: what is in `from` imports of ours only itself and what `allowed` matches. */
const only = (name, comment, from, allowed) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: { path: OURS, pathNot: [from, ...allowed] },
});

/** One rule: a library that only one folder of the server may know. */
const library = (name, folder) => ({
  name: `${name}-in-one-folder`,
  comment: `${name} is an outside detail: in the server only ${folder} may know it.`,
  severity: 'error',
  from: { path: '^server/', pathNot: `^${folder}/` },
  to: { path: `(^|node_modules/)(@types/)?${name}(/|$)` },
});

/**
 * Rules for the order inside a package. A folder, or a file at the top, imports of its package only itself and what an
 * earlier group names. Every folder and file has to be named.
 */
const inOrder = (folder, groups) => {
  const within = (entries) => `^${folder}/(${entries.join('|')})(/|[.]ts$)`;
  const rules = groups.flatMap((group, index) =>
    group.map((entry) => ({
      name: `${folder}-order-${entry}`,
      comment: `Inside ${folder}/, ${entry} imports only itself and what stands before it in the order.`,
      severity: 'error',
      from: { path: within([entry]) },
      to: { path: `^${folder}/`, pathNot: within([entry, ...groups.slice(0, index).flat()]) },
    })),
  );
  const complete = {
    name: `${folder}-order-complete`,
    comment: `Every folder and file at the top of ${folder}/ has its position in the order.`,
    severity: 'error',
    from: { path: `^${folder}/`, pathNot: [within(groups.flat()), `^${folder}/(dist|node_modules)/`] },
    to: {},
  };
  return [...rules, complete];
};

module.exports = {
  forbidden: [
    // Why this order: docs/adr/0022.
    ...inOrder('server/broker', [
      ['credentials', 'expiring-records', 'intervals', 'logger', 'observer', 'refusal'],
      ['limited-log', 'run-all'],
      ['reporting', 'settings'],
      ['store-access'],
      ['connections'],
      ['sessions'],
      ['requests'],
      ['messaging'],
      ['core-ports'],
      ['queue'],
      ['placement'],
      ['recovery'],
      ['rebalance'],
      ['moves'],
      ['drain'],
      ['operations'],
      ['hosts'],
      ['background'],
      ['broker'],
      ['create-context'],
      ['listen-to-events'],
      ['create-broker'],
    ]),
    ...inOrder('server/broker/moves', [
      ['move-replies'],
      ['active-moves', 'reply-to-coordinator'],
      ['source-host'],
      ['target-host'],
      ['coordinator'],
      ['client', 'runner'],
      ['finish-overdue-moves', 'forget-ended-moves', 'handle-control-message', 'receive-cannot-move'],
    ]),
    only('protocol-alone', 'The wire vocabulary imports nothing of ours.', '^protocol/', []),
    only(
      'domain-alone',
      'What decides is pure: no I/O, and of ours the plain words only.',
      '^server/domain/',
      [VOCABULARY],
    ),
    {
      name: 'domain-no-io',
      comment: 'What decides does no I/O and knows no library.',
      severity: 'error',
      from: { path: '^server/domain/' },
      to: {
        dependencyTypes: ['core', 'npm', 'npm-dev', 'npm-peer', 'npm-optional', 'npm-no-pkg', 'unknown'],
      },
    },
    ...REBALANCE_FOLDERS.map((folder, i) =>
      only(
        `rebalance-${folder}`,
        'The folders of the rebalancer stand in the order of their imports.',
        `^server/domain/rebalance/${folder}/`,
        [
          ...REBALANCE_FOLDERS.slice(0, i).map((earlier) => `^server/domain/rebalance/${earlier}/`),
          '^server/domain/[^/]+$',
          VOCABULARY,
        ],
      ),
    ),
    only('store', 'Stores know the domain, not who calls them.', '^server/store/', [
      '^server/domain/',
      VOCABULARY,
    ]),
    only('store-contracts', 'Contracts know neither store.', '^server/store/contracts/', [
      '^server/domain/',
      VOCABULARY,
    ]),
    only('memory-pool', 'The state of a region pool is below the verbs.', '^server/store/memory/pool/', [
      '^server/domain/',
      '^server/store/(store-options[.]ts$|contracts/)',
      VOCABULARY,
    ]),
    {
      name: 'memory-subjects-apart',
      comment: 'Each subject uses the state of a region pool; only the queue uses another subject, sessions.',
      severity: 'error',
      from: { path: '^server/store/memory/(?!pool/)([^/]+)/' },
      to: {
        path: '^server/store/memory/(?!pool/)',
        pathNot: ['^server/store/memory/$1/', '^server/store/memory/sessions/assign-client-broker[.]ts$'],
      },
    },
    {
      name: 'redis-subjects-apart',
      comment: 'The eight parts of the Redis store share its context and its records, not each other.',
      severity: 'error',
      from: { path: `^server/store/redis/${SUBJECTS}[.]ts$` },
      to: { path: `^server/store/redis/(${SUBJECTS}|redis-store)[.]ts$` },
    },
    {
      name: 'redis-foundation',
      comment: 'What the eight parts share knows none of them.',
      severity: 'error',
      from: { path: '^server/store/redis/', pathNot: `^server/store/redis/(${SUBJECTS}|redis-store)[.]ts$` },
      to: { path: `^server/store/redis/(${SUBJECTS}|redis-store)[.]ts$` },
    },
    only('stores-apart', 'The two stores share an interface, not code.', '^server/store/memory/', [
      '^server/domain/',
      '^server/store/[^/]+$',
      '^server/store/contracts/',
      VOCABULARY,
    ]),
    only('stores-apart-redis', 'The two stores share an interface, not code.', '^server/store/redis/', [
      '^server/domain/',
      '^server/store/[^/]+$',
      '^server/store/contracts/',
      VOCABULARY,
    ]),
    only('broker', 'Use cases know the store by its interface only, and no transport.', '^server/broker/', [
      '^server/domain/',
      '^server/store/(fleet-store[.]ts$|contracts/)',
      PROTOCOL,
    ]),
    only('transport', 'Sockets call use cases.', '^server/transport/', [
      '^server/broker/',
      '^server/domain/',
      PROTOCOL,
    ]),
    only('http', 'Requests call use cases.', '^server/http/', [
      '^server/broker/',
      '^server/domain/',
      '^server/transport/authenticate[.]ts$',
      PROTOCOL,
    ]),
    only('auth', 'Tokens and keys know nothing of brokers.', '^server/auth/', [
      '^server/domain/',
      '^server/config/',
      PROTOCOL,
    ]),
    only('config', 'Configuration describes; it starts nothing.', '^server/config/', [
      '^server/domain/',
      '^server/auth/',
      PROTOCOL,
    ]),
    only('sdk-runtime-alone', 'What both SDKs share imports nothing of ours.', '^sdk-runtime/', []),
    {
      name: 'sdk-runtime-everywhere',
      comment: 'What both SDKs share runs in browsers and in Node, without any library.',
      severity: 'error',
      from: { path: '^sdk-runtime/' },
      to: {
        dependencyTypes: ['core', 'npm', 'npm-dev', 'npm-peer', 'npm-optional', 'npm-no-pkg', 'unknown'],
      },
    },
    only('client-sdk', 'The players’ SDK works without the server.', '^client-sdk/', [PROTOCOL, SDK_RUNTIME]),
    only('host-sdk', 'The hosts’ SDK works without the server.', '^host-sdk/', [PROTOCOL, SDK_RUNTIME]),
    {
      name: 'client-sdk-in-browsers',
      comment: 'Only the entry for Node knows ws, and nothing knows Node itself.',
      severity: 'error',
      from: { path: '^client-sdk/', pathNot: '^client-sdk/node[.]ts$' },
      to: { dependencyTypes: ['core', 'npm', 'npm-dev', 'npm-peer', 'npm-optional', 'npm-no-pkg'] },
    },
    ...inOrder('client-sdk', [
      ['close-codes'],
      ['errors'],
      ['runtime'],
      ['connection', 'latency', 'session'],
      ['play', 'options'],
      ['client'],
      ['index'],
      ['node'],
    ]),
    ...inOrder('host-sdk', [
      ['runtime'],
      ['connection', 'sessions'],
      ['limits', 'host-options'],
      ['admission'],
      ['host-interface'],
      ['moves'],
      ['host'],
      ['index', 'simulated'],
    ]),
    only('loadtest', 'Load comes from outside: by the protocol and the SDKs.', '^loadtest/', [
      PROTOCOL,
      inPackage('client-sdk'),
      inPackage('host-sdk'),
    ]),
    ...inOrder('loadtest', [['plan', 'history'], ['drive', 'fleet', 'report'], ['run']]),
    ...inOrder('loadtest/drive', [
      ['clock', 'timer-wheel', 'host-calls'],
      ['worker-messages'],
      ['worker-metrics'],
      ['hosts'],
      ['players'],
      ['workers'],
    ]),
    {
      name: 'loadtest-for-commands',
      comment: 'No broker needs what loads it.',
      severity: 'error',
      from: { path: '^server/', pathNot: '^server/cli/' },
      to: { path: '^loadtest/' },
    },
    {
      name: 'not-from-tests',
      comment: 'What ships imports nothing of the tests.',
      severity: 'error',
      from: { path: OURS, pathNot: '^test/' },
      to: { path: '^test/' },
    },
    {
      name: 'composition-only',
      comment: 'Nothing is built on the command or the composition root, except commands.',
      severity: 'error',
      from: { path: '^server/', pathNot: '^server/(bin/|cli/|duskline[.]ts$)' },
      to: { path: '^server/(dist/)?(cli/|duskline[.])' },
    },
    library('ws', 'server/transport'),
    library('express', 'server/http'),
    library('ioredis', 'server/store/redis'),
    {
      name: 'no-cycles',
      comment: 'Modules that need each other are one module, or miss a third.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-orphans',
      comment: 'Nothing imports it and it imports nothing: nobody needs it.',
      severity: 'error',
      from: { orphan: true, path: OURS, pathNot: ['/tsconfig[.]json$'] },
      to: {},
    },
    {
      name: 'resolvable',
      comment: 'An import that leads nowhere escapes every other rule.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '/dist/'] },
    exclude: { path: ['^(server|protocol|sdk-runtime|client-sdk|host-sdk|loadtest|test)/dist/.*[.]d[.]ts$'] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.json'],
    },
  },
};
