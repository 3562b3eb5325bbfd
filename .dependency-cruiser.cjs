/** The rules of docs/architecture.md: imports go one way, and what is pure stays pure. */
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'Modules that import each other are one module.',
      from: {},
      to: { circular: true },
    },
    {
      name: 'core-is-pure',
      severity: 'error',
      comment: 'Decisions import neither Node nor a package nor anything else of ours.',
      from: { path: '^src/core/' },
      to: { pathNot: '^src/core/' },
    },
    {
      name: 'netlink-stands-alone',
      severity: 'error',
      comment: 'netlink-ts could be published on its own: it knows nothing of health.',
      from: { path: '^src/netlink' },
      to: { path: '^src/', pathNot: '^src/netlink' },
    },
    {
      name: 'netlink-needs-only-node',
      severity: 'error',
      comment: 'netlink-ts needs no package at run time but its addon.',
      from: { path: '^src/netlink' },
      to: { dependencyTypes: ['npm'] },
    },
    {
      name: 'care-knows-only-ports',
      severity: 'error',
      comment: 'The control loop reaches the world through the ports that it declares.',
      from: { path: '^src/care/' },
      to: { pathNot: '^src/(care|core)/' },
    },
    {
      name: 'kernel-adapters',
      severity: 'error',
      comment: 'Adapters to the kernel know the ports, the values and netlink-ts.',
      from: { path: '^src/kernel/' },
      to: {
        pathNot: [
          '^src/(kernel|core|netlink/index|care/ports)',
          '^(node:)?(child_process|fs|fs/promises|net|path|timers/promises)$',
        ],
      },
    },
    {
      name: 'probe-adapter',
      severity: 'error',
      comment: 'The prober knows the ports, the values and HTTP.',
      from: { path: '^src/probe/' },
      to: {
        pathNot: [
          '^src/(probe|core|care/ports)',
          '^node_modules/undici',
          '^(node:)?(net|tls|crypto|events|http|fs|fs/promises)$',
        ],
      },
    },
    {
      name: 'observers-know-values',
      severity: 'error',
      comment: 'What keeps and shows what happened knows the ports and the values.',
      from: { path: '^src/observe/' },
      to: { pathNot: '^src/(observe|core|care/ports)' },
    },
    {
      name: 'control-transports',
      severity: 'error',
      comment:
        'The control socket carries values: it knows neither what they mean nor anything else of ours.',
      from: { path: '^src/control/' },
      to: { pathNot: ['^src/(control/|socket-file)', '^(node:)?http$'] },
    },
    {
      name: 'status-shows-values',
      severity: 'error',
      comment: 'What shows the status knows the values that it shows.',
      from: { path: '^src/status/' },
      to: { pathNot: '^src/(status|observe|core)/' },
    },
    {
      name: 'inspection-knows-values',
      severity: 'error',
      comment: 'What shows a probe to people and to JSON knows the values, and how to read a certificate.',
      from: { path: '^src/inspect/' },
      to: { pathNot: ['^src/(inspect|core)/', '^(node:)?crypto$'] },
    },
    {
      name: 'checks-know-ports',
      severity: 'error',
      comment: 'A check looks at the node through its ports, and knows the values.',
      from: { path: '^src/doctor/' },
      to: {
        pathNot: ['^src/(doctor|inspect|core)/', '^src/care/ports', '^node_modules/yaml', '^(node:)?net$'],
      },
    },
    {
      name: 'manifest-is-text',
      severity: 'error',
      comment:
        'Manifests are made from settings, and written to files: of the kernel and of probing they know nothing.',
      from: { path: '^src/manifest/' },
      to: {
        pathNot: ['^src/(manifest|config)/', '^node_modules/yaml', '^(node:)?(crypto|fs/promises|net|path)$'],
      },
    },
    {
      name: 'metrics-show-the-report',
      severity: 'error',
      comment: 'The metrics know the ports, the values, the report, and how Prometheus is told.',
      from: { path: '^src/metrics/' },
      to: {
        pathNot: ['^src/(metrics|core|care/ports|observe/(counted-)?report)', '^node_modules/prom-client'],
      },
    },
    {
      name: 'endpoint-serves-values',
      severity: 'error',
      comment: 'The endpoint knows HTTP, the ports and the report; it is handed what it tells.',
      from: { path: '^src/endpoint/' },
      to: {
        pathNot: [
          '^src/(endpoint|core|care/ports|observe/(counted-)?report|socket-file)',
          '^(node:)?(http|net|util|zlib)$',
        ],
      },
    },
    {
      name: 'page-shows-values',
      severity: 'error',
      comment: 'The status page is a pure function of the report and what the kernel has.',
      from: { path: '^src/page/' },
      to: { pathNot: '^src/(page|core|observe/((counted-)?report|summary|liveness))|^(node:)?crypto$' },
    },
    {
      name: 'only-main-composes',
      severity: 'error',
      comment: 'Adapters do not know each other: only the composition brings them together.',
      from: { path: '^src/(kernel|probe|log|cli|observe|control|manifest|metrics|endpoint)/' },
      to: {
        path: '^src/(kernel|probe|log|cli|observe|control|status|manifest|metrics|endpoint)/',
        pathNot: '^src/($1/|observe/(counted-)?report)',
      },
    },
    {
      name: 'nobody-imports-main',
      severity: 'error',
      comment: 'main.ts is the root.',
      from: {},
      to: { path: '^src/main\\.ts$' },
    },
    {
      name: 'product-needs-no-tests',
      severity: 'error',
      comment: 'What is shipped does not import what tests it.',
      from: { path: '^src' },
      to: { path: '^(test|lab|demo|bench|kubernetes)/' },
    },
    {
      name: 'product-needs-no-dev-packages',
      severity: 'error',
      comment: 'What is shipped imports only what is installed with it.',
      from: { path: '^src' },
      to: { dependencyTypes: ['npm-dev'], pathNot: '^node_modules/@types' },
    },
    {
      name: 'lab-stands-alone',
      severity: 'error',
      comment: 'The lab judges the program from outside.',
      from: { path: '^lab' },
      to: { path: '^(src|test|demo|bench|kubernetes)/' },
    },
    {
      name: 'kubernetes-judges-from-outside',
      severity: 'error',
      comment:
        "The cluster knows the program by its command line only; the Go loop beside it is the benchmark's.",
      from: { path: '^kubernetes' },
      to: { path: '^(src|test)/' },
    },
    {
      name: 'bench-compares-from-outside',
      severity: 'error',
      comment:
        'The benchmark knows the program by its command line only; its own emulation may use netlink-ts.',
      from: { path: '^bench' },
      to: { path: '^(src|test|demo|kubernetes)/', pathNot: '^src/netlink/index' },
    },
    {
      name: 'everything-resolves',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.d.ts'],
      conditionNames: ['import', 'node', 'default', 'types'],
      exportsFields: ['exports'],
    },
  },
};
