import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { endpoint } from '../../src/values/endpoint.js';
import { KernelError } from '../../src/values/errors.js';
import { nodeAddress, type NodeAddress } from '../../src/host/node-address.js';
import { NetlinkError, type RouteLookup, type RouteQuery } from '../../src/netlink/index.js';

let directory: string;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lvscare-hosts-'));
});
after(() => rm(directory, { recursive: true }));

const RS = [endpoint('ipv4', '10.0.0.1', 6443), endpoint('ipv4', '10.0.0.2', 6443)] as const;

const VS = { ipv4: endpoint('ipv4', '10.0.0.200', 6443), ipv6: endpoint('ipv6', 'fd00::200', 6443) } as const;

const LOCAL = 'local';

/**
 * Routes to some addresses: a source, none, `local` for an address of this node, or the error that the kernel gives. Any other
 * route is not to be asked for.
 */
class FakeRoutes {
  readonly asked: string[] = [];
  readonly #routes: Readonly<Record<string, string | null | Error>>;

  constructor(routes: Readonly<Record<string, string | null | Error>>) {
    this.#routes = routes;
  }

  lookupRoute({ destination }: RouteQuery): Promise<RouteLookup> {
    this.asked.push(destination);
    const source = this.#routes[destination];
    if (source === undefined) return Promise.reject(new Error(`nobody was to ask for ${destination}`));
    if (source instanceof Error) return Promise.reject(source);
    return Promise.resolve(
      source === LOCAL
        ? { type: 'local', interfaceIndex: 1, gateway: null, source: destination }
        : { type: 'unicast', interfaceIndex: 2, gateway: null, source },
    );
  }
}

function refusal(code: string): NetlinkError {
  return new NetlinkError('lookupRoute', { errno: 1, code, description: code, kernelMessage: null });
}

async function hostsFile(text: string): Promise<string> {
  const path = join(directory, 'hosts');
  await writeFile(path, text);
  return path;
}

describe('the node address', () => {
  it('is the one that was given, before any other', async () => {
    const hosts = await hostsFile('10.0.0.7 lvscare.node.ip\n');
    const routes = new FakeRoutes({ '10.0.0.9': LOCAL });
    const given = { address: '10.0.0.9', from: '--ip' };
    assert.deepEqual(
      await nodeAddress(routes, { given, virtualServer: VS.ipv4, realServers: RS, hostsFile: hosts }),
      { ...given, gone: null } satisfies NodeAddress,
    );
  });

  const gone: readonly (readonly [what: string, route: string | Error])[] = [
    ['is behind a route', '10.0.0.5'],
    ['has no route', refusal('ENETUNREACH')],
    ['is behind a prohibit route', refusal('EACCES')],
  ];
  for (const [what, route] of gone) {
    it(`is the kernel's choice when the one that was given ${what}: it is not of this node`, async () => {
      const routes = new FakeRoutes({ '10.0.0.7': route, '10.0.0.1': '10.0.0.5' });
      const kernels = { address: '10.0.0.5', from: 'the route to 10.0.0.1' };
      const given = { address: '10.0.0.7', from: '--ip' };
      assert.deepEqual(await nodeAddress(routes, { given, virtualServer: VS.ipv4, realServers: RS }), {
        ...kernels,
        gone: { ...given, why: '10.0.0.7 (--ip) is not an address of this node' },
      });
      const inHosts = await hostsFile('10.0.0.7 lvscare.node.ip\n');
      assert.deepEqual(
        await nodeAddress(routes, {
          given: null,
          virtualServer: VS.ipv4,
          realServers: RS,
          hostsFile: inHosts,
        }),
        {
          ...kernels,
          gone: {
            address: '10.0.0.7',
            from: "the hosts file's lvscare.node.ip",
            why: "10.0.0.7 (the hosts file's lvscare.node.ip) is not an address of this node",
          },
        },
      );
    });
  }

  for (const [address, why] of [
    ['127.0.1.1', 'is a loopback address'],
    ['10.0.0.200', "is the virtual server's address"],
  ] as const) {
    it(`is the kernel's choice when the one that was given ${why}, although the kernel has it`, async () => {
      const routes = new FakeRoutes({ [address]: LOCAL, '10.0.0.1': '10.0.0.5' });
      const given = { address, from: '--ip' };
      assert.deepEqual(await nodeAddress(routes, { given, virtualServer: VS.ipv4, realServers: RS }), {
        address: '10.0.0.5',
        from: 'the route to 10.0.0.1',
        gone: { ...given, why: `${address} (--ip) ${why}` },
      });
    });
  }

  it('is unknown when the one that was given is not of this node and no route shows one', async () => {
    const routes = new FakeRoutes({
      '10.0.0.7': '10.0.0.5',
      '10.0.0.1': refusal('ENETUNREACH'),
      '10.0.0.2': refusal('ENETUNREACH'),
    });
    await assert.rejects(
      nodeAddress(routes, {
        given: { address: '10.0.0.7', from: '--ip' },
        virtualServer: VS.ipv4,
        realServers: RS,
      }),
      {
        name: 'NodeAddressGone',
        message:
          '10.0.0.7 (--ip) is not an address of this node, and it has no route to any real server: check its network',
      },
    );
  });

  const entries: readonly (readonly [
    what: string,
    text: string,
    family: 'ipv4' | 'ipv6',
    address: string,
  ])[] = [
    ['alone', '10.0.0.7 lvscare.node.ip', 'ipv4', '10.0.0.7'],
    ['among others', '127.0.0.1 localhost\n10.0.0.7 node-1 lvscare.node.ip x\n', 'ipv4', '10.0.0.7'],
    ['behind tabs, with a comment', '\t10.0.0.7\t\tlvscare.node.ip # by sealos', 'ipv4', '10.0.0.7'],
    ['in a file from Windows', '127.0.0.1 localhost\r\n10.0.0.7 lvscare.node.ip\r\n', 'ipv4', '10.0.0.7'],
    ['twice: the first one', '10.0.0.7 lvscare.node.ip\n10.0.0.8 lvscare.node.ip\n', 'ipv4', '10.0.0.7'],
    ['after one in a comment', '#10.0.0.8 lvscare.node.ip\n10.0.0.7 lvscare.node.ip\n', 'ipv4', '10.0.0.7'],
    [
      'after one of the other family',
      'fd00::7 lvscare.node.ip\n10.0.0.7 lvscare.node.ip\n',
      'ipv4',
      '10.0.0.7',
    ],
    ['after nonsense', 'x lvscare.node.ip\n10.0.0.7 lvscare.node.ip\n', 'ipv4', '10.0.0.7'],
    [
      'of IPv6, as the kernel writes it',
      '10.0.0.7 lvscare.node.ip\nFD00:0::07 lvscare.node.ip',
      'ipv6',
      'fd00::7',
    ],
  ];
  for (const [what, text, family, address] of entries) {
    it(`is in the hosts file ${what}`, async () => {
      const found = await nodeAddress(new FakeRoutes({ [address]: LOCAL }), {
        given: null,
        virtualServer: VS[family],
        realServers: RS,
        hostsFile: await hostsFile(text),
      });
      assert.deepEqual(found, { address, from: "the hosts file's lvscare.node.ip", gone: null });
    });
  }

  const fallbacks: readonly (readonly [what: string, text: string])[] = [
    ['has no such name', '10.0.0.7 node-1\n'],
    ['has it in a comment', '10.0.0.7 node-1 # lvscare.node.ip\n'],
    ['has it of another family', 'fd00::7 lvscare.node.ip\n'],
    ['has it inside another name', '10.0.0.7 lvscare.node.ip.example.com my-lvscare.node.ip\n'],
    ['is empty', ''],
  ];
  for (const [what, text] of fallbacks) {
    it(`is the source of the route to a real server when the hosts file ${what}`, async () => {
      const routes = new FakeRoutes({ '10.0.0.1': '10.0.0.5' });
      assert.deepEqual(
        await nodeAddress(routes, {
          given: null,
          virtualServer: VS.ipv4,
          realServers: RS,
          hostsFile: await hostsFile(text),
        }),
        { address: '10.0.0.5', from: 'the route to 10.0.0.1', gone: null },
      );
    });
  }

  const hostsless = {
    given: null,
    virtualServer: VS.ipv4,
    realServers: RS,
    hostsFile: '/nowhere/hosts',
  } as const;

  for (const code of ['ENETUNREACH', 'EHOSTUNREACH', 'EACCES', 'EINVAL', 'EAGAIN', 'ENETDOWN']) {
    it(`is asked of the next real server when there is no way to the first: ${code}`, async () => {
      const routes = new FakeRoutes({ '10.0.0.1': refusal(code), '10.0.0.2': '10.0.0.5' });
      assert.deepEqual(await nodeAddress(routes, hostsless), {
        address: '10.0.0.5',
        from: 'the route to 10.0.0.2',
        gone: null,
      });
      assert.deepEqual(routes.asked, ['10.0.0.1', '10.0.0.2']);
    });
  }

  it('is not what leads to this node itself', async () => {
    const routes = new FakeRoutes({ '127.0.0.1': '127.0.0.1', '10.0.0.2': '10.0.0.9' });
    const servers = [endpoint('ipv4', '127.0.0.1', 6443), endpoint('ipv4', '10.0.0.2', 6443)];
    assert.deepEqual(
      await nodeAddress(routes, {
        given: null,
        virtualServer: VS.ipv4,
        realServers: servers,
        hostsFile: directory,
      }),
      { address: '10.0.0.9', from: 'the route to 10.0.0.2', gone: null },
    );
  });

  it('is unknown when no route shows one, and the message says what to do', async () => {
    for (const routes of [
      { '10.0.0.1': refusal('ENETUNREACH'), '10.0.0.2': null },
      { '10.0.0.1': null, '10.0.0.2': refusal('EHOSTUNREACH') },
    ]) {
      await assert.rejects(nodeAddress(new FakeRoutes(routes), hostsless), (error: unknown) => {
        assert.ok(error instanceof KernelError);
        assert.match(error.message, /set --ip$/);
        return true;
      });
    }
  });

  it('is unknown where IPv6 is disabled, which the message says of IPv6 alone', async () => {
    const disableIpv6File = join(directory, 'disable_ipv6');
    for (const [family, value, says] of [
      ['ipv6', '1\n', /^IPv6 is disabled on this node: .*net\.ipv6\.conf\.all\.disable_ipv6=0$/],
      ['ipv6', '0\n', /set --ip$/],
      ['ipv4', '1\n', /set --ip$/],
    ] as const) {
      await writeFile(disableIpv6File, value);
      const sources = { ...hostsless, virtualServer: VS[family], disableIpv6File };
      const routes = new FakeRoutes({ '10.0.0.1': refusal('EACCES'), '10.0.0.2': null });
      await assert.rejects(nodeAddress(routes, sources), { name: 'KernelError', message: says });
    }
  });

  it('is not guessed when the kernel fails in another way', async () => {
    const routes = new FakeRoutes({ '10.0.0.1': refusal('ETIMEDOUT'), '10.0.0.2': '10.0.0.5' });
    await assert.rejects(nodeAddress(routes, hostsless), { name: 'NetlinkError', code: 'ETIMEDOUT' });
  });
});
