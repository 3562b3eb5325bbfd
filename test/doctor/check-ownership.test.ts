import { endpoint } from '../../src/values/endpoint.js';
import { replacedInWords } from '../../src/values/replaced-file.js';
import {
  checkGoLeftovers,
  checkInstances,
  checkRecords,
  checkTroubles,
  checkVirtualServer,
} from '../../src/doctor/check-ownership.js';
import { HELD, table, well, without } from './check-table.js';
import { addProcess, VS, type FakeNode } from './fake-node.js';

const OTHERS = 'TCP  0A676102:192B rr \n  -> 0A630001:01BB      Masq    1      0          0\n';
table('virtual-server', checkVirtualServer, [
  ['nobody has it', well, 'ok: the kernel has no 10.103.97.2:6443 yet'],
  [
    'no IPVS',
    (fake) => {
      fake.files = without(fake, '/proc/net/ip_vs');
    },
    /^skip/,
  ],
  [
    "lvscare's",
    (fake) => {
      fake.files['/proc/net/ip_vs'] = HELD;
      fake.lock = { kind: 'held', by: { pid: 7, uid: 0 } };
    },
    'ok: 10.103.97.2:6443 exists with 2 real servers, and an lvscare manages it',
  ],
  [
    'of an lvscare that ended',
    (fake) => {
      fake.files['/proc/net/ip_vs'] = HELD;
      fake.records.push({ virtualServer: VS, isLocked: false });
    },
    /^warn: .* no lvscare manages it; an earlier lvscare created it -> start lvscare care/,
  ],
  [
    'made by hand',
    (fake) => void (fake.files['/proc/net/ip_vs'] = HELD),
    /^warn: .* no lvscare has recorded that it created it/,
  ],
  [
    "another program's",
    (fake) => void (fake.files['/proc/net/ip_vs'] = OTHERS),
    /^fail: 10\.103\.97\.2:6443 exists with 10\.99\.0\.1:443, which --rs does not name, .* -> choose another --vs; or stop that program: lvscare care then takes over the virtual server/,
  ],
  [
    'on another port',
    (fake) => void (fake.files['/proc/net/ip_vs'] = OTHERS.replace('192B rr', '01BB rr')),
    /^warn: 10\.103\.97\.2:443 has the same address/,
  ],
  [
    'of UDP: none of ours',
    (fake) => void (fake.files['/proc/net/ip_vs'] = OTHERS.replace('TCP', 'UDP')),
    'ok: the kernel has no 10.103.97.2:6443 yet',
  ],
]);

const running = (fake: FakeNode): void => {
  fake.lock = { kind: 'held', by: { pid: 7, uid: 0 } };
};
table('trouble', checkTroubles, [
  ['no lvscare is running', well, 'skip: no lvscare is running'],
  ['none', running, 'ok: the running lvscare reports none'],
  [
    'not known',
    (fake) => {
      running(fake);
      fake.whySilent = 'no answer within 3 s';
    },
    'skip: the running lvscare does not answer: no answer within 3 s',
  ],
  [
    'with a file of its container, and with a route',
    (fake) => {
      running(fake);
      fake.troubles.push(
        { what: 'CA /etc/kubernetes/pki/ca.crt', message: replacedInWords('/etc/kubernetes/pki/ca.crt') },
        { what: 'local route', message: 'EPERM' },
      );
    },
    /^warn CA \/etc\/kubernetes\/pki\/ca\.crt: the running lvscare reports: the host replaced or removed \/etc\S+ca\.crt, .* -> crictl stop /,
    /^warn local route: the running lvscare reports: EPERM -> repair what it names; read its log: crictl logs /,
  ],
]);

const OURS = ['/usr/bin/node', '/usr/bin/lvscare', 'care', '--vs', VS.text, '--rs', 'x'];
const GO = ['/usr/bin/lvscare', 'care', `--vs=${VS.text}`, '--rs', 'x'];
const pod = (args: string): string =>
  `kind: Pod\nspec:\n  containers:\n    - image: lvscare:1\n      args:\n${args}`;
const POD_ARGS = `        - care\n        - --vs=${VS.text}\n        - --rs=10.0.0.1:6443\n`;
table('instance', checkInstances, [
  ['none', well, 'ok: no lvscare is running, and none has run yet'],
  [
    'the one that holds it',
    (fake) => {
      addProcess(fake, 7, OURS);
      fake.lock = { kind: 'held', by: { pid: 7, uid: 0 } };
    },
    'ok: process 7 manages 10.103.97.2:6443',
  ],
  [
    'the one that holds it, and does not answer',
    (fake) => {
      addProcess(fake, 7, OURS);
      fake.lock = { kind: 'held', by: { pid: 7, uid: 0 } };
      fake.whySilent = 'no answer within 3 s';
    },
    /^warn: process 7 manages 10\.103\.97\.2:6443, but does not answer: no answer within 3 s -> read its log/,
  ],
  [
    'the one that holds it, with its socket in a pod alone, as the manifest of the Go program has it: a restart would not help',
    (fake) => {
      addProcess(fake, 7, OURS);
      running(fake);
      fake.whySilent = 'process 7 has no socket here';
      fake.isHidden = true;
    },
    /^warn: process 7 manages \S+, but does not answer: process 7 has no socket here -> mount the host's \/run\/lvscare in its pod/,
  ],
  [
    'the one that holds it, which answers only root',
    (fake) => {
      addProcess(fake, 7, OURS);
      running(fake);
      fake.whySilent = 'not permitted';
      fake.uid = 1000;
    },
    'warn: process 7 manages 10.103.97.2:6443, but does not answer: not permitted -> run lvscare doctor as root, on the host',
  ],
  [
    'none, although a static pod starts one',
    (fake) => void (fake.files['/etc/kubernetes/manifests/lvscare.yaml'] = pod(POD_ARGS)),
    /^warn: no lvscare is running, although \/etc\/kubernetes\/manifests\/lvscare\.yaml starts one: .* -> crictl/,
  ],
  [
    'none, although one has run here',
    (fake) => void fake.records.push({ virtualServer: VS, isLocked: false }),
    /^warn: no lvscare is running, although one has run here: .* -> start lvscare care again$/,
  ],
  [
    'the one that holds it, in a container',
    (fake) => {
      addProcess(fake, 7, OURS);
      fake.lock = { kind: 'held', by: { pid: null, uid: 0 } };
    },
    /^ok: an lvscare manages/,
  ],
  [
    'the Go program',
    (fake) => {
      addProcess(fake, 8, GO);
    },
    /^warn: process 8 \(lvscare care --vs=10\.103\.97\.2:6443\) manages \S+ without holding its instance lock: .* -> stop it where it is started/,
  ],
  [
    'the Go program beside ours',
    (fake) => {
      addProcess(fake, 7, OURS);
      addProcess(fake, 8, ['sealctl', 'ipvs', '--vs', VS.text]);
      fake.lock = { kind: 'held', by: { pid: 7, uid: 0 } };
    },
    /^fail: process 8 \(sealctl ipvs --vs\) manages \S+ while process 7 holds its instance lock -> .*kill 8$/,
  ],
  [
    'two that nobody told apart',
    (fake) => {
      addProcess(fake, 7, GO);
      addProcess(fake, 8, GO);
    },
    /^fail: process 7 .* and process 8 .* manage .*, and each undoes what the others do/,
  ],
  [
    "others that are in nobody's way",
    (fake) => {
      addProcess(fake, 2, [...OURS, '--dry-run']);
      addProcess(fake, 3, ['lvscare', 'care', '--vs', '10.9.9.9:6443']);
      addProcess(fake, 4, GO, 'net:[2]');
      addProcess(fake, 5, ['vi', 'care', VS.text]);
      addProcess(fake, 1000, ['node', 'lvscare', 'care']);
    },
    'ok: no lvscare is running, and none has run yet',
  ],
  [
    'a squatter',
    (fake) => void (fake.lock = { kind: 'squatted', by: { pid: 9, uid: 1000 } }),
    /^warn: process 9 \(uid 1000\) has the name of the instance lock .*, and is not an lvscare: .* -> kill 9$/,
  ],
  [
    'two static pods',
    (fake) => {
      fake.files['/etc/kubernetes/manifests/kube-sealos-lvscare.yaml'] = pod(POD_ARGS);
      fake.files['/etc/kubernetes/manifests/lvscare.yaml'] = pod(POD_ARGS);
      fake.files['/etc/kubernetes/manifests/.lvscare.yaml.swp'] = pod(POD_ARGS);
      fake.files['/etc/kubernetes/manifests/other.yaml'] = pod(POD_ARGS.replace('97.2', '97.3'));
    },
    /^fail: \S+kube-sealos-lvscare\.yaml and \S+\/lvscare\.yaml are both for 10\.103\.97\.2:6443.* -> mv \S+ \/root\//,
  ],
]);

table('records', checkRecords, [
  ['none', well, 'ok: no other lvscare left a record'],
  ['our own', (fake) => void fake.records.push({ virtualServer: VS, isLocked: false }), /^ok/],
  [
    'others',
    (fake) => {
      fake.records.push({ virtualServer: endpoint('ipv4', '10.9.9.9', 1), isLocked: true });
      fake.records.push({ virtualServer: endpoint('ipv4', '10.9.9.8', 1), isLocked: false });
    },
    'ok 10.9.9.9:1: another lvscare manages it',
    /^warn 10\.9\.9\.8:1: an earlier lvscare created it.* -> lvscare care --vs 10\.9\.9\.8:1 --clean$/,
  ],
  [
    'one that the kubelet uses: its removal would cut the node off from the control plane',
    (fake) => {
      fake.records.push({ virtualServer: endpoint('ipv4', '10.9.9.8', 1), isLocked: false });
      fake.files['/etc/kubernetes/kubelet.conf'] = 'server: https://10.9.9.8:1\n';
    },
    /^warn 10\.9\.9\.8:1: .* this node's clients use that address -> start lvscare care --vs 10\.9\.9\.8:1/,
  ],
  [
    'one that the hosts file names',
    (fake) => {
      fake.records.push({ virtualServer: endpoint('ipv4', '10.9.9.8', 1), isLocked: false });
      fake.files['/etc/hosts'] = '10.9.9.8 apiserver.cluster.local\n';
    },
    /^warn 10\.9\.9\.8:1: .* this node's clients use that address -> start lvscare care/,
  ],
  [
    'one that clients have connections through, whatever names it',
    (fake) => {
      fake.records.push({ virtualServer: endpoint('ipv4', '10.9.9.8', 1), isLocked: false });
      fake.files['/proc/net/ip_vs'] =
        'TCP  0A090908:0001 rr \n  -> 0A000001:192B      Masq    1      2          0\n  -> 0A000002:192B      Masq    1      1          9\n';
    },
    /^warn 10\.9\.9\.8:1: .*, and it has 3 established connections -> start lvscare care/,
  ],
]);

table('records', (node) => checkRecords(node, null), [
  ['none, and no virtual server to examine', well, 'ok: no lvscare left a record'],
  [
    'several, and no virtual server to examine',
    (fake) => {
      fake.records.push({ virtualServer: VS, isLocked: true });
      fake.records.push({ virtualServer: endpoint('ipv4', '10.9.9.8', 1), isLocked: false });
    },
    'ok 10.103.97.2:6443: an lvscare manages it',
    /^warn 10\.9\.9\.8:1: an earlier lvscare created it.* -> lvscare care --vs 10\.9\.9\.8:1 --clean$/,
  ],
]);

table('go-leftovers', checkGoLeftovers, [
  ['none', well, 'ok: the Go lvscare left nothing'],
  [
    'some',
    (fake) => void (fake.go.taken = ['chain VIRTUAL-SERVICES', 'ipset VIRTUAL-IP']),
    /^warn: the Go lvscare left chain VIRTUAL-SERVICES, ipset VIRTUAL-IP -> lvscare care --vs 10\.103\.97\.2:6443 --clean, with no lvscare running; .* put the manifest back afterwards$/,
  ],
  ['nothing to look with', (fake) => void (fake.go.unknown = 'there is no ipset'), 'skip: there is no ipset'],
  [
    'not to be read',
    (fake) => void (fake.go.failures = [new Error('ipset: status 1')]),
    /^warn: ipset: status 1/,
  ],
]);
