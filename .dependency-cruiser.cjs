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
      name: 'values-text-and-async-stand-alone',
      severity: 'error',
      comment: 'What everything uses imports nothing of ours, and no package.',
      from: { path: '^src/(values|text|async)/', pathNot: '^src/text/yaml-bounds' },
      to: { path: ['^src/', '^node_modules/'], pathNot: '^src/$1/' },
    },
    {
      name: 'files-stand-alone',
      severity: 'error',
      comment: 'What reads and replaces files imports nothing of ours, and no package.',
      from: { path: '^src/files/' },
      to: { pathNot: ['^src/files/', '^(node:)?(crypto|fs|fs/promises|path)$'] },
    },
    {
      name: 'decisions-are-pure',
      severity: 'error',
      comment: 'Decisions import neither Node nor a package, and of ours only values.',
      from: { path: '^src/decisions/' },
      to: {
        pathNot: ['^src/(decisions|values)/'],
      },
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
      to: { path: '^node_modules/', pathNot: '^node_modules/@types/' },
    },
    {
      name: 'control-loop-knows-only-ports',
      severity: 'error',
      comment: 'The control loop reaches the world through the ports that it declares.',
      from: { path: '^src/control-loop/' },
      to: {
        pathNot: ['^src/(control-loop|decisions|values|async)/'],
      },
    },
    {
      name: 'table-adapter',
      severity: 'error',
      comment: 'The adapter to the IPVS table knows the ports, the values and netlink-ts.',
      from: { path: '^src/ipvs/' },
      to: {
        pathNot: [
          '^src/(ipvs|decisions|values)/',
          '^src/(netlink/index|control-loop/ports)',
          '^(node:)?(fs)$',
        ],
      },
    },
    {
      name: 'host-adapters',
      severity: 'error',
      comment: 'Adapters to the rest of the kernel know the ports, the values, async and netlink-ts.',
      from: { path: '^src/host/' },
      to: {
        pathNot: [
          '^src/(host|values|files|async)/',
          '^src/(netlink/index|control-loop/ports)',
          '^(node:)?(child_process|fs|fs/promises|net)$',
        ],
      },
    },
    {
      name: 'state-is-files',
      severity: 'error',
      comment: 'What is kept between two runs knows the ports, the values, and what it describes.',
      from: { path: '^src/state/' },
      to: {
        pathNot: [
          '^src/(state|values|files)/',
          '^src/(netlink/index|control-loop/(ports|events)|config/parse-endpoint|host/(earlier-values|reach-mode)|ipvs/ipvs-table)',
          '^(node:)?(crypto|fs|fs/promises|net|path)$',
        ],
      },
    },
    {
      name: 'go-migration-runs-programs',
      severity: 'error',
      comment: 'What the Go program leaves is found and removed by programs.',
      from: { path: '^src/go-migration/' },
      to: {
        pathNot: [
          '^src/(go-migration|values)/',
          '^src/(control-loop/(ports|events)|host/(command|iptables))',
          '^(node:)?(timers/promises)$',
        ],
      },
    },
    {
      name: 'go-migration-can-be-deleted',
      severity: 'error',
      comment: 'One day no node has anything left of the Go program.',
      from: { path: '^src/', pathNot: '^src/(go-migration/|daemon/kernel|doctor/system-node)' },
      to: { path: '^src/go-migration/' },
    },
    {
      name: 'tls-knows-certificates',
      severity: 'error',
      comment: 'TLS knows the values, and Node.',
      from: { path: '^src/tls/' },
      to: {
        pathNot: ['^src/(tls|values|text|async|files)/', '^(node:)?(net|tls|crypto|fs|fs/promises)$'],
      },
    },
    {
      name: 'probe-adapter',
      severity: 'error',
      comment: 'The prober knows the ports, the values, TLS and HTTP.',
      from: { path: '^src/probe/' },
      to: {
        pathNot: [
          '^src/(probe|tls|values|text|async)/',
          '^src/control-loop/ports',
          '^node_modules/undici',
          '^(node:)?(net|tls|events|fs)$',
        ],
      },
    },
    {
      name: 'discovery-adapter',
      severity: 'error',
      comment:
        'Discovery knows the ports, the values, TLS, and how probes connect; it reads YAML and endpoints as the configuration does.',
      from: { path: '^src/discovery/' },
      to: {
        pathNot: [
          '^src/(discovery|tls|values|text|async)/',
          '^src/(control-loop/ports|probe/(failure|secure|source-port|tcp)|config/(parse-endpoint|yaml-tree))',
          '^node_modules/undici',
          '^(node:)?(crypto|fs/promises|net|path|tls)$',
        ],
      },
    },
    {
      name: 'report-knows-values',
      severity: 'error',
      comment: 'What keeps what happened knows the ports and the values.',
      from: { path: '^src/report/' },
      to: {
        pathNot: ['^src/(report|decisions|values)/', '^src/control-loop/(ports|events)'],
      },
    },
    {
      name: 'log-knows-events',
      severity: 'error',
      comment: 'The log knows the ports and the values, and pino.',
      from: { path: '^src/log/' },
      to: {
        pathNot: [
          '^src/(log|decisions|values)/',
          '^src/(control-loop/(ports|events)|config/care-config)',
          '^node_modules/pino',
          '^(node:)?(fs)$',
        ],
      },
    },
    {
      name: 'control-socket-transports',
      severity: 'error',
      comment:
        'The control socket carries values: it knows neither what they mean nor anything else of ours.',
      from: { path: '^src/control-socket/' },
      to: {
        pathNot: ['^src/(control-socket/|state/socket-file)', '^(node:)?(events|http|stream/consumers)$'],
      },
    },
    {
      name: 'status-shows-values',
      severity: 'error',
      comment: 'What shows the status knows the values that it shows.',
      from: { path: '^src/status/' },
      to: {
        pathNot: ['^src/(status|report|decisions|values|text)/'],
      },
    },
    {
      name: 'inspection-knows-values',
      severity: 'error',
      comment:
        'What shows a probe to people and to JSON knows the values, and how to describe a certificate.',
      from: { path: '^src/inspect/' },
      to: {
        pathNot: ['^src/(inspect|decisions|values|text)/', '^src/tls/certificate-summary'],
      },
    },
    {
      name: 'checks-know-ports',
      severity: 'error',
      comment:
        'A check reads the node through its ports, and knows the values, and what the adapters of host return.',
      from: { path: '^src/doctor/', pathNot: '^src/doctor/system-node' },
      to: {
        pathNot: [
          '^src/(doctor|inspect|decisions|values|text)/',
          '^src/(control-loop/(ports|events)|tls/certificate-summary|host/(hosts-file|iptables|node-address|sysctl))',
          '^node_modules/yaml',
          '^(node:)?(net)$',
        ],
      },
    },
    {
      name: 'manifest-is-text',
      severity: 'error',
      comment:
        'Manifests are text made from settings: they know nothing of the kernel, of probing, and of files.',
      from: { path: '^src/manifest/' },
      to: {
        pathNot: ['^src/(manifest|config)/', '^node_modules/yaml', '^(node:)?(net|path)$'],
      },
    },
    {
      name: 'metrics-show-the-report',
      severity: 'error',
      comment: 'The metrics know the ports, the values, the report, and the format of Prometheus.',
      from: { path: '^src/metrics/' },
      to: {
        pathNot: [
          '^src/(metrics|decisions|values)/',
          '^src/(control-loop/(ports|events)|report/report)',
          '^node_modules/prom-client',
        ],
      },
    },
    {
      name: 'http-serves-values',
      severity: 'error',
      comment: 'The HTTP server knows the ports and the report; it is given what it serves.',
      from: { path: '^src/http/' },
      to: {
        pathNot: [
          '^src/(http|values|text)/',
          '^src/(control-loop/(ports|events)|report/report|state/socket-file)',
          '^(node:)?(crypto|events|http|https|net|tls|util|zlib)$',
        ],
      },
    },
    {
      name: 'page-shows-values',
      severity: 'error',
      comment: 'The status page is a pure function of the report and what the kernel has.',
      from: { path: '^src/page/' },
      to: {
        pathNot: [
          '^src/(page|decisions|values)/',
          '^src/report/(report|summary|conditions|severity)',
          '^(node:)?(crypto)$',
        ],
      },
    },
    {
      name: 'command-line-knows-options',
      severity: 'error',
      comment: 'The command line knows the option table, and of our code nothing else but how to paint text.',
      from: { path: '^src/cli/' },
      to: { pathNot: ['^src/(cli|config|text)/', '^node_modules/yargs', '^(node:)?(fs|module)$'] },
    },
    {
      name: 'config-knows-values',
      severity: 'error',
      comment: 'Options are read into values, and into what their consumers declare.',
      from: { path: '^src/config/' },
      to: {
        pathNot: [
          '^src/(config|files|values|text)/',
          '^node_modules/yaml',
          '^src/(control-loop/control-loop|probe/request|tls/(credentials|pem))',
          '^(node:)?(fs|http|net|path)$',
        ],
      },
    },
    {
      name: 'only-commands-compose',
      severity: 'error',
      comment: 'Adapters do not know each other: commands and the daemon bring them together.',
      from: { path: '^src/', pathNot: '^src/(main|commands/|daemon/|doctor/system-node)' },
      to: { path: '^src/(daemon|commands)/' },
    },
    {
      name: 'root-holds-main',
      severity: 'error',
      comment: 'Every file but main.ts is in a folder.',
      from: { path: '^src/[^/]+$', pathNot: '^src/main\\.ts$' },
      to: {},
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
      name: 'shipped-packages-are-named',
      severity: 'error',
      comment: 'Each package that is bundled with the program.',
      from: { path: '^src' },
      to: {
        path: '^node_modules/',
        pathNot: '^node_modules/(@types|bcryptjs|pino|pino-pretty|prom-client|undici|yaml|yargs)/',
      },
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
