import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { contains } from '../../src/doctor/cidr.js';
import { readIpVs } from '../../src/doctor/ip-vs-table.js';
import { careManifests, listsOf, scalarOf } from '../../src/doctor/manifests.js';
import { flagValue } from '../../src/doctor/processes.js';
import { nodeFrom, wellNode } from './fake-node.js';

describe('/proc/net/ip_vs', () => {
  // As Linux 6.1 writes it.
  const TEXT = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  0A676102:192B rr
  -> 0A6761C9:192B      Masq    1      0          0
  -> 0A6761C8:192B      Masq    0      3          1
UDP  0A600010:0035 wrr
  -> 0AF40005:0035      Masq    1      0          0
FWM  00000007 wlc persistent 300 FFFFFFFF
  -> 0AF40006:0050      Route   1      0          0
TCP  [fd00:0010:0103:0097:0000:0000:0000:0002]:192B sh (flag-1)
  -> [fd00:0010:0103:0097:0000:0000:0000:0200]:192B      Masq    1      0          0
`;

  it('has virtual servers of TCP with their rows, in both families', async () => {
    const fake = wellNode();
    fake.files['/proc/net/ip_vs'] = TEXT;
    const found = await readIpVs(nodeFrom(fake).files);
    assert.deepEqual(
      found?.map(({ server, scheduler, rows }) => [server.text, scheduler, rows.map(({ text }) => text)]),
      [
        ['10.103.97.2:6443', 'rr', ['10.103.97.201:6443', '10.103.97.200:6443']],
        ['[fd00:10:103:97::2]:6443', 'sh', ['[fd00:10:103:97::200]:6443']],
      ],
    );
  });

  it('that cannot be read is a fault, and no empty table', async () => {
    const fake = wellNode();
    fake.files['/proc/net/ip_vs'] = null;
    await assert.rejects(readIpVs(nodeFrom(fake).files), { code: 'EACCES' });
  });
});

describe('YAML, as far as it matters', () => {
  const lists: readonly (readonly [yaml: string, items: readonly string[]])[] = [
    ['args:\n- a\n- b c\nimage: x', ['a', 'b c']],
    [
      "    args:\n      - \"a\"\n      # - no\n\n      - 'it''s' # yes\n      - c # no\n    image: x\n    - d",
      ['a', "it's", 'c'],
    ],
    ['  - args:\n    - a\n    image: x', ['a']],
    ['args: [a, "b, c", \'d\']', ['a', 'b, c', 'd']],
    ['args: [\n  "a",\n  "b"\n]\nother: [c]', ['a', 'b']],
    ['{\n  "args": [\n    "a",\n    "--x=\\"1\\""\n  ],\n  "y": 1\n}', ['a', '--x="1"']],
    ['args: []', []],
    ['args: null', []],
    ['args:\nimage: x', []],
  ];
  for (const [yaml, items] of lists)
    it(JSON.stringify(yaml), () => {
      assert.deepEqual(listsOf(yaml, 'args').flat(), items);
    });

  const scalars: readonly (readonly [yaml: string, value: string | null])[] = [
    ['mode: ipvs', 'ipvs'],
    ['mode: "ipvs"', 'ipvs'],
    ["mode: 'ipvs' # x", 'ipvs'],
    ['mode: ""', ''],
    ['mode:', ''],
    ['  "mode": "ipvs",', 'ipvs'],
    ['othermode: x', null],
    ['    server: https://10.0.0.1:6443', null],
  ];
  for (const [yaml, value] of scalars)
    it(JSON.stringify(yaml), () => {
      assert.equal(scalarOf(yaml, 'mode'), value);
    });

  it('finds the static pods of lvscare, and what care is told there', async () => {
    const fake = wellNode();
    const manifests = '/etc/kubernetes/manifests';
    // As sealos writes it.
    fake.files[`${manifests}/kube-sealos-lvscare.yaml`] =
      'apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - args:\n    - care\n    - --vs\n    - 10.103.97.2:6443\n' +
      '    - --health-path\n    - /healthz\n    - --rs\n    - 10.0.0.1:6443\n    command:\n    - /usr/bin/lvscare\n    image: lvscare:v5\n';
    fake.files[`${manifests}/b.json`] =
      '{"spec":{"containers":[{"command":["/usr/bin/lvscare","care","--vs=10.103.97.3:6443"],"image":"x"}]}}';
    fake.files[`${manifests}/etcd.yaml`] = 'command:\n- etcd\n- care\n';
    fake.files['/var/lib/rancher/k3s/agent/pod-manifests/lvscare.yaml'] =
      "image: lvscare\nargs: ['care', '--vs', '10.103.97.4:6443']\n";
    const found = await careManifests(nodeFrom(fake).files);
    assert.deepEqual(
      found.map(({ args }) => flagValue(args, 'vs')),
      ['10.103.97.3:6443', '10.103.97.2:6443', '10.103.97.4:6443'],
    );
    assert.deepEqual(found[1]?.args.slice(2), ['--health-path', '/healthz', '--rs', '10.0.0.1:6443']);
  });
});

describe('a network', () => {
  const cases: readonly (readonly [cidr: string, address: string, contains: boolean | null])[] = [
    ['10.96.0.0/12', '10.103.97.2', true],
    ['10.96.0.0/22', '10.103.97.2', false],
    ['10.103.97.2/32', '10.103.97.2', true],
    ['10.103.97.2', '10.103.97.2', true],
    ['0.0.0.0/0', '10.103.97.2', true],
    ['fd00::/8', '10.103.97.2', false],
    ['fd00::/8', 'fd12::1', true],
    ['::/0', 'fd12::1', true],
    ['10.0.0.0/33', '10.0.0.1', null],
    ['10.0.0.0/x', '10.0.0.1', null],
    ['nonsense', '10.0.0.1', null],
  ];
  for (const [cidr, address, expected] of cases)
    it(`${cidr}, ${address}: ${String(expected)}`, () => {
      assert.equal(contains(cidr, address), expected);
    });
});

describe('YAML that leads back to where it is', () => {
  it('is read once', () => {
    const text = 'a: &a\n  b: *a\n  args: [care]\n';
    assert.deepEqual(listsOf(text, 'args'), [['care']]);
    assert.equal(scalarOf(text, 'mode'), null);
  });
});
