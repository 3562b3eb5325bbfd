import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readCareConfig, type CareConfig } from '../../src/config/care-config.js';
import { Settings, type Arguments, type Environment, type SettingsFile } from '../../src/config/settings.js';
import { refused } from './refused.js';

const SERVERS = { vs: '10.103.97.2:6443', rs: ['10.0.0.1:6443', '10.0.0.2:6443'] } as const;
const NOWHERE = '/nowhere/ca.crt';
const NO_TLS = {
  verify: false,
  caFile: null,
  certificateFile: null,
  keyFile: null,
  tokenFile: null,
  serverName: null,
} as const;
const SECONDS = 'seconds or a duration like 500ms or 1m30s';
const INTERVAL = `${SECONDS}, from 10ms to 24h`;
const TIMEOUT = `${SECONDS}, from 1ms to 10m`;

/** What comes of the given options beside `--vs` and `--rs`. */
function configOf(given: Arguments, environment: Environment = {}, defaultCa = NOWHERE): CareConfig {
  return readCareConfig(new Settings({ ...SERVERS, ...given }, environment), environment, { defaultCa });
}

describe('the configuration of care', () => {
  it('has a default for everything but the servers', () => {
    const { notes, ...config } = configOf({});
    assert.deepEqual(config, {
      virtualServer: { family: 'ipv4', address: '10.103.97.2', port: 6443, text: '10.103.97.2:6443' },
      realServers: [
        { family: 'ipv4', address: '10.0.0.1', port: 6443, text: '10.0.0.1:6443' },
        { family: 'ipv4', address: '10.0.0.2', port: 6443, text: '10.0.0.2:6443' },
      ],
      mode: 'local',
      iface: 'lvscare',
      sysctl: true,
      ipvsTcpTimeoutS: null,
      discovery: null,
      nodeAddress: null,
      masquerade: false,
      policy: {
        scheduler: 'rr',
        preferLocal: false,
        weights: new Map(),
        intervalMs: 5000,
        fastIntervalMs: 200,
        fall: 2,
        rise: 2,
        drainTimeoutMs: 30_000,
        handshakeIntervalMs: 60_000,
        maxHoldMs: 60_000,
      },
      probe: {
        scheme: 'https',
        method: 'GET',
        path: '/healthz',
        headers: {},
        body: null,
        acceptedStatuses: new Set(),
        connectTimeoutMs: 1000,
        timeoutMs: 3000,
        port: null,
        sourcePorts: 'auto',
        tls: NO_TLS,
      },
      metricsAddress: {
        kind: 'tcp',
        address: '127.0.0.1',
        port: 9288,
        text: '127.0.0.1:9288',
        wasEmpty: false,
      },
      webConfigFile: null,
      webHosts: [],
      statusPage: true,
      configFile: null,
      removedVirtualServers: 'clean',
      task: 'care',
      trust: false,
      dryRun: false,
      log: { level: 'info', format: 'auto' },
    });
    assert.deepEqual(
      notes.map(({ about }) => about),
      ['ca'],
    );
  });

  it('takes every option', () => {
    const config = configOf({
      scheduler: 'wlc',
      'prefer-local': 'true',
      mode: 'none',
      ip: '10.0.0.9',
      masquerade: 'true',
      interval: '500ms',
      'fast-interval': '50ms',
      fall: '3',
      rise: '4',
      'drain-timeout': '1m',
      'max-hold': '0',
      'handshake-interval': '0',
      'connect-timeout': '300ms',
      'health-timeout': '2',
      'health-path': 'readyz?verbose&exclude=etcd',
      'health-schem': 'http',
      'health-req-method': 'post',
      'health-req-body': '{"a":1}',
      'health-req-headers': ['Accept=text/plain', 'x-a=1,X-A=2'],
      'health-status': ['401', '403,429'],
      'health-port': '8080',
      'health-source-ports': '50000-50999',
      'dry-run': 'true',
      'log-level': 'DEBG',
      'log-format': 'json',
    });
    assert.equal(config.mode, 'none');
    assert.deepEqual(config.nodeAddress, { address: '10.0.0.9', from: '--ip' });
    assert.equal(config.masquerade, true);
    assert.equal(config.dryRun, true);
    assert.equal(config.metricsAddress, null, 'it leaves the default to the one that takes care');
    assert.deepEqual(config.log, { level: 'debug', format: 'json' });
    assert.deepEqual(config.policy, {
      scheduler: 'wlc',
      preferLocal: true,
      weights: new Map(),
      intervalMs: 500,
      fastIntervalMs: 50,
      fall: 3,
      rise: 4,
      drainTimeoutMs: 60_000,
      handshakeIntervalMs: 0,
      maxHoldMs: 0,
    });
    assert.deepEqual(config.probe, {
      scheme: 'http',
      method: 'POST',
      path: '/readyz?verbose&exclude=etcd',
      headers: { accept: 'text/plain', 'x-a': '2' },
      body: '{"a":1}',
      acceptedStatuses: new Set([401, 403, 429]),
      connectTimeoutMs: 300,
      timeoutMs: 2000,
      port: 8080,
      sourcePorts: { first: 50000, last: 50999 },
      tls: NO_TLS,
    });
  });

  it('has what --discover says, with a kubeconfig that need not be there yet', () => {
    const verified = { 'health-insecure-skip-verify': 'false', discover: '/nowhere/kubelet.conf' };
    assert.deepEqual(configOf(verified).discovery, {
      kubeconfig: '/nowhere/kubelet.conf',
      forgetAfterMs: 86_400_000,
      keepSeeds: true,
    });
    const { discovery, notes } = configOf({ ...verified, 'forget-after': '1h', 'keep-seeds': 'false' });
    assert.deepEqual(discovery, {
      kubeconfig: '/nowhere/kubelet.conf',
      forgetAfterMs: 3_600_000,
      keepSeeds: false,
    });
    assert.deepEqual(notes, []);
    assert.deepEqual(
      configOf({ 'health-insecure-skip-verify': 'true', 'forget-after': '1h' }).notes.map(({ text }) => text),
      ['--forget-after has no effect without --discover'],
    );
  });

  it('refuses --discover without verified certificates also for another node, whose CA need not be here', () => {
    const elsewhere = (given: Arguments): CareConfig =>
      readCareConfig(
        new Settings({ ...SERVERS, discover: '/nowhere/kubelet.conf', ...given }, {}),
        {},
        {
          elsewhere: true,
          defaultCa: NOWHERE,
        },
      );
    assert.equal(elsewhere({}).discovery?.kubeconfig, '/nowhere/kubelet.conf');
    for (const given of [{ 'health-insecure-skip-verify': 'true' }, { 'health-schem': 'http' }])
      assert.throws(
        () => elsewhere(given),
        /^UsageError: --discover: expected certificates that are verified/,
      );
  });

  it('has a dry run listen where an option says', () => {
    const { metricsAddress } = configOf({ 'dry-run': 'true', 'metrics-addr': '127.0.0.1:9289' });
    assert.equal(metricsAddress?.text, '127.0.0.1:9289');
  });

  it('takes a manifest that was written for the Go program', () => {
    const config = configOf({
      mode: '',
      ip: '',
      interval: '0',
      'log-level': 'INFO',
      'health-req-body': '',
      'health-path': '/healthz',
      'health-schem': 'https',
      'health-insecure-skip-verify': 'true',
      iface: 'lvscare',
      masqueradebit: '0',
    });
    assert.equal(config.mode, 'none');
    assert.equal(config.nodeAddress, null);
    assert.equal(config.policy.intervalMs, 5000);
    assert.equal(config.probe.body, null);
    assert.deepEqual(config.notes, [
      {
        about: 'obsolete',
        text: '--masqueradebit is accepted for the sake of old manifests, and has no effect',
      },
    ]);
  });

  for (const zero of ['0', '0s', '0ms', '-0', '0h0m0s', '00']) {
    it(`takes --interval ${zero} for the default`, () => {
      assert.equal(configOf({ interval: zero }).policy.intervalMs, 5000);
    });
  }

  it('is read from the environment alone', () => {
    const environment = {
      CARE_VS: '[fd00::2]:6443',
      CARE_RS: '[fd00::10]:6443, [fd00::11]:6443',
      CARE_INTERVAL: '10',
      CARE_LOGGER: 'debg',
      CARE_IFACE: 'lo',
      CARE_HEALTH_INSECURE_SKIP_VERIFY: 'true',
      LVSCARE_NODE_IP: 'FD00::1',
    };
    const config = readCareConfig(new Settings({}, environment), environment, { defaultCa: NOWHERE });
    assert.equal(config.virtualServer.text, '[fd00::2]:6443');
    assert.deepEqual(
      config.realServers.map(({ text }) => text),
      ['[fd00::10]:6443', '[fd00::11]:6443'],
    );
    assert.equal(config.policy.intervalMs, 10_000);
    assert.equal(config.log.level, 'debug');
    assert.deepEqual(config.nodeAddress, { address: 'fd00::1', from: 'LVSCARE_NODE_IP' });
    assert.equal(config.iface, 'lo');
    assert.deepEqual(config.notes, []);
  });
});

describe('the task', () => {
  it('is to care, to set up once, or to clean', () => {
    assert.equal(configOf({}).task, 'care');
    assert.equal(configOf({ 'run-once': 'true' }).task, 'run-once');
    assert.equal(configOf({ 'run-once': 'true' }).trust, false);
    assert.equal(configOf({ 'run-once': 'true', trust: 'true' }).trust, true);
    assert.equal(configOf({ clean: 'true' }).task, 'clean');
    assert.equal(configOf({ 'run-once': 'false', clean: '0' }).task, 'care');
  });

  it('may need no real servers: only to clean', () => {
    const config = readCareConfig(
      new Settings({ vs: SERVERS.vs, clean: 'true' }, {}),
      {},
      { defaultCa: NOWHERE },
    );
    assert.deepEqual(config.realServers, []);
    assert.deepEqual(config.notes, [], 'nothing is probed');
  });
});

describe('the node address', () => {
  const file: SettingsFile = {
    given: { ip: '10.0.0.6' },
    origins: { ip: '/etc/care.json:2: ip' },
    weights: new Map(),
    place: null,
  };
  const sources: readonly (readonly [given: Arguments, environment: Environment, words: string | null])[] = [
    [{ ip: '10.0.0.9' }, { CARE_IP: '10.0.0.7', LVSCARE_NODE_IP: 'nonsense' }, '10.0.0.9 by --ip'],
    [{}, { CARE_IP: '10.0.0.7', LVSCARE_NODE_IP: 'nonsense' }, '10.0.0.7 by CARE_IP'],
    [{}, { LVSCARE_NODE_IP: 'nonsense' }, '10.0.0.6 by /etc/care.json:2: ip'],
    [{ ip: '' }, { LVSCARE_NODE_IP: '10.0.0.8' }, '10.0.0.8 by LVSCARE_NODE_IP'],
    [{ ip: '' }, { LVSCARE_NODE_IP: '' }, null],
  ];
  for (const [given, environment, words] of sources) {
    it(`is, with its origin, ${words ?? 'unknown when it is not given'}`, () => {
      const settings = new Settings({ ...SERVERS, ...given }, environment, file);
      const { nodeAddress } = readCareConfig(settings, environment, { defaultCa: NOWHERE });
      assert.equal(nodeAddress === null ? null : `${nodeAddress.address} by ${nodeAddress.from}`, words);
    });
  }

  for (const mode of ['local', 'route', 'link', 'none']) {
    it(`is of ${mode === 'local' || mode === 'route' ? 'use' : 'no use, which is noted,'} in mode ${mode}`, () => {
      const noted = (given: Arguments, environment: Environment = {}): string[] =>
        configOf({ mode, 'health-insecure-skip-verify': 'true', ...given }, environment).notes.map(
          ({ text }) => text,
        );
      const words = (origin: string): string[] =>
        mode === 'local' || mode === 'route'
          ? []
          : [`${origin} has no effect: mode ${mode} makes no use of this node's address`];
      assert.deepEqual(noted({ ip: '10.0.0.9' }), words('--ip'));
      assert.deepEqual(noted({}, { LVSCARE_NODE_IP: '10.0.0.9' }), words('LVSCARE_NODE_IP'));
      assert.deepEqual(noted({}), []);
      assert.deepEqual(noted({ ip: '10.0.0.9', clean: 'true' }), [], 'it makes nothing');
    });
  }
});

describe('an empty address to listen at', () => {
  it('is noted by care, with where lvscare listens instead, and by nothing that does not listen', () => {
    const noted = (given: Arguments): string[] =>
      configOf({ ...given, 'metrics-addr': '[]:9290', 'health-insecure-skip-verify': 'true' }).notes.map(
        ({ text }) => text,
      );
    const [text = '', ...more] = noted({});
    assert.match(text, /^the address in --metrics-addr is empty, so lvscare listens at 127\.0\.0\.1:9290,/);
    assert.deepEqual(more, []);
    assert.deepEqual(noted({ clean: 'true' }), []);
  });
});

describe('a configuration is refused', () => {
  const IFACE = '--iface: expected the name of an interface, at most 15 bytes without / or spaces';
  const cases: readonly (readonly [given: Arguments, message: string, environment?: Environment])[] = [
    [{ vs: undefined }, '--vs: expected the virtual server, IP:PORT or [IPv6]:PORT, got nothing'],
    [{ vs: '10.103.97.2' }, '--vs: expected IP:PORT or [IPv6]:PORT with a port, got "10.103.97.2"'],
    ...['127.0.0.1:6443', '127.9.9.9:6443', '[::1]:6443'].map(
      (vs) =>
        [
          { vs },
          `--vs: expected an address that no host has, such as 192.0.2.2 (clients of a loopback address would time out), got "${vs}"`,
        ] as const,
    ),
    [
      { vs: '[fe80::1]:6443' },
      '--vs: expected an address that clients can use without naming an interface, got "[fe80::1]:6443"',
    ],
    [{ rs: undefined }, '--rs: expected at least one real server, IP:PORT, got nothing'],
    [{ rs: [] }, '--rs: expected at least one real server, IP:PORT, got nothing'],
    [{ rs: ',' }, '--rs: expected at least one real server, IP:PORT, got nothing'],
    [{ rs: undefined, 'run-once': '1' }, '--rs: expected at least one real server, IP:PORT, got nothing'],
    [{ rs: 'host:99999' }, '--rs: expected IP:PORT or [IPv6]:PORT with a numeric address, got "host:99999"'],
    [{ rs: '10.0.0.1:6443,10.0.0.1:6443' }, '--rs: expected each real server once, got "10.0.0.1:6443"'],
    [
      { vs: '[fd00::2]:6443', rs: ['[fd00::3]:6443', '[fd00:0::3]:6443'] },
      '--rs: expected each real server once, got "[fd00::3]:6443"',
    ],
    [
      { rs: ['10.0.0.1:6443', '10.103.97.2:6443'] },
      '--rs: expected real servers other than the virtual server, got "10.103.97.2:6443"',
    ],
    [
      { rs: ['10.0.0.1:6443', '[fd00::1]:6443'] },
      '--rs: expected IPv4 like --vs 10.103.97.2:6443, got "[fd00::1]:6443"',
    ],
    [{ vs: '[fd00::2]:6443' }, '--rs: expected IPv6 like --vs [fd00::2]:6443, got "10.0.0.1:6443"'],
    [
      { vs: undefined, rs: '10.0.0.1:6443' },
      '--rs: expected IPv6 like CARE_VS [fd00::2]:6443, got "10.0.0.1:6443"',
      { CARE_VS: '[fd00::2]:6443' },
    ],
    [{ ip: 'fd00::1' }, '--ip: expected IPv4 like --vs 10.103.97.2:6443, got "fd00::1"'],
    [{ ip: 'node-1' }, '--ip: expected an IP address, got "node-1"'],
    [
      {},
      'LVSCARE_NODE_IP: expected IPv4 like --vs 10.103.97.2:6443, got "fd00::1"',
      { LVSCARE_NODE_IP: 'fd00::1' },
    ],
    [{}, 'LVSCARE_NODE_IP: expected an IP address, got "nonsense"', { LVSCARE_NODE_IP: 'nonsense' }],
    [{ 'run-once': 'true', clean: 'true' }, '--run-once: expected no --clean beside it, got "--clean"'],
    [{ trust: 'true' }, '--trust: expected --run-once beside it, got nothing'],
    [{ trust: 'true', clean: 'true' }, '--trust: expected --run-once beside it, got nothing'],
    [
      { 'run-once': 'true' },
      '--run-once: expected no CARE_CLEAN beside it, got "CARE_CLEAN"',
      { CARE_CLEAN: '1' },
    ],
    [
      { scheduler: 'Round Robin' },
      '--scheduler: expected an IPVS scheduler such as rr, wrr, lc, wlc, sh or mh, got "Round Robin"',
    ],
    [
      { 'prefer-local': 'true', mode: 'route' },
      '--prefer-local: expected another mode than route, which cannot reach a real server on this node, got "route"',
    ],
    [
      { discover: 'kubelet.conf' },
      '--discover: expected the absolute path of a kubeconfig, got "kubelet.conf"',
    ],
    [{ discover: '' }, '--discover: expected the absolute path of a kubeconfig, got ""'],
    [
      { discover: '/etc/kubernetes/kubelet.conf' },
      '--discover: expected certificates that are verified beside it, or another host could serve (by --health-ca or /etc/kubernetes/pki/ca.crt), got nothing',
    ],
    [
      { discover: '/proc', 'health-insecure-skip-verify': 'false' },
      '--discover: expected a regular file, got "/proc"',
    ],
    [{ 'forget-after': '1m' }, `--forget-after: expected ${SECONDS}, from 10m to 720h, got "1m"`],
    [{ 'keep-seeds': 'maybe' }, '--keep-seeds: expected true or false, got "maybe"'],
    [{ mode: 'tunnel' }, '--mode: expected one of local, link, route, none, got "tunnel"'],
    [{ iface: 'a-name-too-long!' }, `${IFACE}, got "a-name-too-long!"`],
    [{ iface: 'a/b' }, `${IFACE}, got "a/b"`],
    [{ iface: '' }, `${IFACE}, got ""`],
    [{ sysctl: 'never' }, '--sysctl: expected true or false, got "never"'],
    [{ interval: '-1' }, `--interval: expected ${INTERVAL}, got "-1"`],
    [{ interval: '9ms' }, `--interval: expected ${INTERVAL}, got "9ms"`],
    [{ interval: '25h' }, `--interval: expected ${INTERVAL}, got "25h"`],
    [{ interval: '5 seconds' }, `--interval: expected ${INTERVAL}, got "5 seconds"`],
    [{}, `CARE_INTERVAL: expected ${INTERVAL}, got "-1"`, { CARE_INTERVAL: '-1' }],
    [{ 'fast-interval': '0' }, `--fast-interval: expected ${INTERVAL}, got "0"`],
    [{ 'connect-timeout': '0' }, `--connect-timeout: expected ${TIMEOUT}, got "0"`],
    [{ 'health-timeout': '11m' }, `--health-timeout: expected ${TIMEOUT}, got "11m"`],
    [{ 'drain-timeout': '-1s' }, `--drain-timeout: expected ${SECONDS}, from 0 to 24h, got "-1s"`],
    [{ 'max-hold': '25h' }, `--max-hold: expected ${SECONDS}, from 0 to 24h, got "25h"`],
    [{ 'max-hold': 'never' }, `--max-hold: expected ${SECONDS}, from 0 to 24h, got "never"`],
    [{ 'handshake-interval': '-1' }, `--handshake-interval: expected ${SECONDS}, from 0 to 24h, got "-1"`],
    [
      {},
      `CARE_HANDSHAKE_INTERVAL: expected ${SECONDS}, from 0 to 24h, got "x"`,
      { CARE_HANDSHAKE_INTERVAL: 'x' },
    ],
    [{ 'health-port': '0' }, '--health-port: expected a whole number from 1 to 65535, got "0"'],
    [{ 'health-port': '65536' }, '--health-port: expected a whole number from 1 to 65535, got "65536"'],
    [
      { 'health-source-ports': '50000-50100' },
      '--health-source-ports: expected auto, kernel or FIRST-LAST, at least 256 ports from 1024 to 65535, got "50000-50100"',
    ],
    [{ 'health-port': 'https' }, '--health-port: expected a whole number from 1 to 65535, got "https"'],
    [{ fall: '0' }, '--fall: expected a whole number from 1 to 1000, got "0"'],
    [{ rise: 'twice' }, '--rise: expected a whole number from 1 to 1000, got "twice"'],
    [{ 'health-schem': 'HTTPS' }, '--health-schem: expected one of https, http, got "HTTPS"'],
    [
      { 'health-path': '/a b' },
      '--health-path: expected a path with an optional query, percent-encoded, got "/a b"',
    ],
    [
      { 'health-req-method': 'CONNECT' },
      '--health-req-method: expected an HTTP method such as GET or HEAD, got "CONNECT"',
    ],
    [
      { 'health-req-headers': 'a=1,c=2,b' },
      '--health-req-headers: expected headers as name=value,name2=value2, got "b"',
    ],
    [{ 'health-status': '600' }, '--health-status: expected a whole number from 100 to 599, got "600"'],
    [{ 'health-status': '401,x' }, '--health-status: expected a whole number from 100 to 599, got "x"'],
    [{ 'dry-run': 'x' }, '--dry-run: expected true or false, got "x"'],
    [{ 'log-level': 'loud' }, '--log-level: expected one of DEBUG, INFO, WARN, ERROR, got "loud"'],
    [{}, 'CARE_LOGGER: expected one of DEBUG, INFO, WARN, ERROR, got "loud"', { CARE_LOGGER: 'loud' }],
    [{ 'log-format': 'xml' }, '--log-format: expected one of auto, json, text, got "xml"'],
  ];
  for (const [given, message, environment = {}] of cases) {
    it(message, () => {
      refused(message, () => configOf(given, environment));
    });
  }
});
