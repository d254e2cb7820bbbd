// Which folder may import which. A folder's rule lists the files of this repository that the folder may import; the
// check fails for every other file of the repository that it imports. The reasons are in docs/develop/architecture.md
// and docs/adr/0002-shared-vocabulary.md.
//
// An import of a workspace package leads either to its source (`protocol/vocabulary.ts`) or, through the package's
// exports, to the compiled file (`protocol/dist/vocabulary.js`). The rules match both.

/** Pattern for the files of a workspace package: sources and compiled files. */
const inPackage = (folder, file = '') => `^${folder}/(dist/)?${file}`;

/** Top folders of this repository. */
const OURS = '^(protocol|server|sdk-runtime|client-sdk|host-sdk|test|scripts|examples|loadtest)/';

const PROTOCOL = inPackage('protocol');
const VOCABULARY = inPackage('protocol', 'vocabulary[.]');
const SDK_RUNTIME = inPackage('sdk-runtime');

/** The ports through which the server gets time, timers and random numbers, without what the machine provides. */
const RUNTIME = '^server/runtime/(?!system-runtime[.])';

/** The folders of `server/domain/rebalance`: each imports only those before it. */
const REBALANCE_FOLDERS = ['limits', 'actions', 'snapshot', 'room', 'plan'];

/** The parts of a store, one for each contract. */
const SUBJECTS = '(requests|hosts|sessions|queue|moves|drains|inbox|leases)';

/** One rule: files in `from` import of this repository only each other and files that `allowed` matches. */
const only = (name, comment, from, allowed) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: { path: OURS, pathNot: [from, ...allowed] },
});

/** One rule: only one folder of the server may import this library. */
const library = (name, folder) => ({
  name: `${name}-in-one-folder`,
  comment: `In the server only ${folder} may import ${name}.`,
  severity: 'error',
  from: { path: '^server/', pathNot: `^${folder}/` },
  to: { path: `(^|node_modules/)(@types/)?${name}(/|$)` },
});

/**
 * Rules for the order inside a package. A folder, or a file at the top, imports of its package only itself and the
 * folders and files of earlier groups. Every folder and file has to be in a group.
 */
const inOrder = (folder, groups) => {
  const within = (entries) => `^${folder}/(${entries.join('|')})(/|[.]ts$)`;
  const rules = groups.flatMap((group, index) =>
    group.map((entry) => ({
      name: `${folder}-order-${entry}`,
      comment: `Inside ${folder}/, ${entry} imports only itself and the folders and files before it in the order.`,
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
    only('protocol-alone', 'The protocol imports nothing else of this repository.', '^protocol/', []),
    only(
      'domain-alone',
      'The domain is pure: of this repository it imports only the vocabulary.',
      '^server/domain/',
      [VOCABULARY],
    ),
    {
      name: 'domain-no-io',
      comment: 'The domain does no I/O and imports no library.',
      severity: 'error',
      from: { path: '^server/domain/' },
      to: {
        dependencyTypes: ['core', 'npm', 'npm-dev', 'npm-peer', 'npm-optional', 'npm-no-pkg', 'unknown'],
      },
    },
    ...REBALANCE_FOLDERS.map((folder, i) =>
      only(
        `rebalance-${folder}`,
        'The folders of the rebalancer import only those before them in the order.',
        `^server/domain/rebalance/${folder}/`,
        [
          ...REBALANCE_FOLDERS.slice(0, i).map((earlier) => `^server/domain/rebalance/${earlier}/`),
          '^server/domain/[^/]+$',
          VOCABULARY,
        ],
      ),
    ),
    only(
      'server-runtime',
      'Time, timers and random numbers come before everything else; the SDKs have the same clock.',
      '^server/runtime/',
      [SDK_RUNTIME],
    ),
    {
      name: 'system-runtime-at-the-edge',
      comment:
        'Only what puts a server together, commands and defaults of stores and signers take what the machine provides.',
      severity: 'error',
      from: {
        path: '^server/',
        pathNot: [
          '^server/(runtime/|cli/|duskline[.]|rebalancer-worker[.])',
          '^server/store/(memory/memory|redis/redis)-store[.]ts$',
          '^server/auth/token-signer[.]ts$',
        ],
      },
      to: { path: '^server/runtime/system-runtime[.]' },
    },
    only('store', 'A store imports the domain, but not its callers.', '^server/store/', [
      '^server/domain/',
      '^server/runtime/',
      VOCABULARY,
    ]),
    only('store-contracts', 'The contracts import neither store.', '^server/store/contracts/', [
      '^server/domain/',
      VOCABULARY,
    ]),
    only(
      'memory-pool',
      'The state of a region pool does not import the subjects, which change it.',
      '^server/store/memory/pool/',
      ['^server/domain/', '^server/store/(store-options[.]ts$|contracts/)', VOCABULARY],
    ),
    {
      name: 'memory-subjects-apart',
      comment:
        'The subjects of the memory store share the state of a region pool and do not import each other.',
      severity: 'error',
      from: { path: '^server/store/memory/(?!(?:pool|queue)/)([^/]+)/' },
      to: { path: '^server/store/memory/(?!pool/)', pathNot: '^server/store/memory/$1/' },
    },
    {
      name: 'memory-queue-apart',
      comment: 'Of the sessions, the queue imports only the step that records the broker of a client.',
      severity: 'error',
      from: { path: '^server/store/memory/queue/' },
      to: {
        path: '^server/store/memory/(?!(?:pool|queue)/)',
        pathNot: '^server/store/memory/sessions/assign-client-broker[.]ts$',
      },
    },
    {
      name: 'redis-subjects-apart',
      comment:
        'The eight parts of the Redis store share its context and its records and do not import each other.',
      severity: 'error',
      from: { path: `^server/store/redis/${SUBJECTS}[.]ts$` },
      to: { path: `^server/store/redis/(${SUBJECTS}|redis-store)[.]ts$` },
    },
    {
      name: 'redis-foundation',
      comment: 'The files that the eight parts share import none of them.',
      severity: 'error',
      from: { path: '^server/store/redis/', pathNot: `^server/store/redis/(${SUBJECTS}|redis-store)[.]ts$` },
      to: { path: `^server/store/redis/(${SUBJECTS}|redis-store)[.]ts$` },
    },
    only('stores-apart', 'The two stores share the contracts and no other code.', '^server/store/memory/', [
      '^server/domain/',
      '^server/runtime/',
      '^server/store/[^/]+$',
      '^server/store/contracts/',
      VOCABULARY,
    ]),
    only(
      'stores-apart-redis',
      'The two stores share the contracts and no other code.',
      '^server/store/redis/',
      ['^server/domain/', '^server/runtime/', '^server/store/[^/]+$', '^server/store/contracts/', VOCABULARY],
    ),
    only(
      'broker',
      'The broker imports the contracts of the store, but neither a store nor the transport.',
      '^server/broker/',
      ['^server/domain/', RUNTIME, '^server/store/(fleet-store[.]ts$|contracts/)', PROTOCOL],
    ),
    only('transport', 'The transport calls the broker.', '^server/transport/', [
      '^server/broker/',
      '^server/domain/',
      RUNTIME,
      PROTOCOL,
    ]),
    only('http', 'HTTP routes call the broker.', '^server/http/', [
      '^server/broker/',
      '^server/domain/',
      RUNTIME,
      '^server/transport/authenticate[.]ts$',
      PROTOCOL,
    ]),
    only('auth', 'Tokens and keys do not import the broker.', '^server/auth/', [
      '^server/domain/',
      '^server/config/',
      '^server/runtime/',
      PROTOCOL,
    ]),
    only(
      'config',
      'The configuration starts nothing, so it imports neither broker nor store.',
      '^server/config/',
      ['^server/domain/', '^server/auth/', PROTOCOL],
    ),
    only(
      'sdk-runtime-alone',
      'The code that both SDKs share imports nothing else of this repository.',
      '^sdk-runtime/',
      [],
    ),
    {
      name: 'sdk-runtime-everywhere',
      comment: 'The code that both SDKs share runs in browsers and in Node, without any library.',
      severity: 'error',
      from: { path: '^sdk-runtime/' },
      to: {
        dependencyTypes: ['core', 'npm', 'npm-dev', 'npm-peer', 'npm-optional', 'npm-no-pkg', 'unknown'],
      },
    },
    only('client-sdk', 'The client SDK works without the server.', '^client-sdk/', [PROTOCOL, SDK_RUNTIME]),
    only('host-sdk', 'The host SDK works without the server.', '^host-sdk/', [PROTOCOL, SDK_RUNTIME]),
    {
      name: 'client-sdk-in-browsers',
      comment: 'Only the entry for Node imports ws, and no file imports modules of Node.',
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
      ['connection', 'limits'],
      ['sessions'],
      ['host-options'],
      ['admission'],
      ['host-interface'],
      ['effects'],
      ['host'],
      ['index', 'simulated'],
    ]),
    only(
      'loadtest',
      'The load test uses brokers as clients and hosts do: through the protocol and the SDKs.',
      '^loadtest/',
      [PROTOCOL, inPackage('client-sdk'), inPackage('host-sdk')],
    ),
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
      comment: 'A broker works without the load test: only commands import it.',
      severity: 'error',
      from: { path: '^server/', pathNot: '^server/cli/' },
      to: { path: '^loadtest/' },
    },
    {
      name: 'not-from-tests',
      comment: 'Code outside test/ imports nothing of the tests.',
      severity: 'error',
      from: { path: OURS, pathNot: '^test/' },
      to: { path: '^test/' },
    },
    {
      name: 'composition-only',
      comment: 'Only commands import the command and the composition root.',
      severity: 'error',
      from: { path: '^server/', pathNot: '^server/(bin/|cli/|duskline[.]ts$)' },
      to: { path: '^server/(dist/)?(cli/|duskline[.])' },
    },
    library('ws', 'server/transport'),
    library('express', 'server/http'),
    library('ioredis', 'server/store/redis'),
    {
      name: 'no-cycles',
      comment: 'Modules that import each other are one module, or both need a third one.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-orphans',
      comment: 'A module that imports nothing and that nothing imports is not used.',
      severity: 'error',
      from: { orphan: true, path: OURS, pathNot: ['/tsconfig[.]json$'] },
      to: {},
    },
    {
      name: 'resolvable',
      comment: 'No other rule checks an import that cannot be resolved.',
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
