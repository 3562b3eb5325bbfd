// What the kernel refuses, with its own errno and its own words.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Ipvs, NetlinkError, Rtnetlink } from '../../src/netlink/index.js';
import type { Route } from '../../src/netlink/index.js';
import { runChild } from '../support/child.js';
import { netlinkError, tcp, patience } from '../support/netlink.js';
import { ip, ipvsadm, savedTable, shell, type ToolError } from '../support/tools.js';

const service = tcp('10.103.97.2', 6443);
const destination = { address: '10.103.97.200', port: 6443 };
const missing = tcp('10.9.9.9', 80);
const rr = { scheduler: 'rr' };

/** A unicast route that is in order but for what a test makes wrong. */
function route(interfaceIndex: number, wrong: Partial<Route>): Route {
  return {
    family: 'ipv4',
    destination: '10.98.0.0',
    prefixLength: 24,
    table: 254,
    type: 'unicast',
    metric: null,
    gateway: null,
    interfaceIndex,
    preferredSource: null,
    protocol: 4,
    scope: 253,
    ...wrong,
  };
}

describe('errors of the kernel', () => {
  let ipvs: Ipvs;
  let rtnetlink: Rtnetlink;
  let dummy: number;

  before(async () => {
    ipvs = Ipvs.open(patience);
    rtnetlink = Rtnetlink.open(patience);
    await shell(`
      ip link add errors0 type dummy
      ip link set errors0 up
      ip addr add 10.97.0.1/24 dev errors0
      ipvsadm -C
      ipvsadm -A -t 10.103.97.2:6443 -s rr
      ipvsadm -a -t 10.103.97.2:6443 -r 10.103.97.200:6443 -m
    `);
    const link = await rtnetlink.findLink('errors0');
    assert.ok(link !== null);
    dummy = link.index;
  });
  after(async () => {
    await ipvs.close();
    await rtnetlink.close();
    await ip('link delete errors0');
    await ipvsadm('-C');
  });

  // The errnos are those of ip_vs_ctl.c: a service that is not there is ESRCH, a row or a scheduler ENOENT.
  const refused: [name: string, code: string, operation: string, act: () => Promise<unknown>][] = [
    ['a service twice', 'EEXIST', 'createService', () => ipvs.createService(service, rr)],
    [
      'no such scheduler',
      'ENOENT',
      'createService',
      () => ipvs.createService(missing, { scheduler: 'nosuch' }),
    ],
    [
      'no such persistence engine',
      'ENOENT',
      'createService',
      () => ipvs.createService(missing, { scheduler: 'rr', flags: 1, timeoutSeconds: 1, peName: 'nosuch' }),
    ],
    [
      'update to no such scheduler',
      'ENOENT',
      'updateService',
      () => ipvs.updateService(service, { scheduler: 'nosuch' }),
    ],
    ['update of no service', 'ESRCH', 'updateService', () => ipvs.updateService(missing, rr)],
    ['deletion of no service', 'ESRCH', 'deleteService', () => ipvs.deleteService(missing)],
    [
      'rows of no service',
      'ESRCH',
      'createDestination',
      () => ipvs.createDestination(missing, destination, {}),
    ],
    ['a row twice', 'EEXIST', 'createDestination', () => ipvs.createDestination(service, destination, {})],
    [
      'update of no row',
      'ENOENT',
      'updateDestination',
      () => ipvs.updateDestination(service, { address: '10.9.9.9', port: 80 }, {}),
    ],
    [
      'deletion of no row',
      'ENOENT',
      'deleteDestination',
      () => ipvs.deleteDestination(service, { address: '10.9.9.9', port: 80 }),
    ],
    ['a link twice', 'EEXIST', 'createDummyLink', () => rtnetlink.createDummyLink('errors0')],
    ['deletion of no link', 'ENODEV', 'deleteLink', () => rtnetlink.deleteLink(2147483647)],
    ['no link to set up', 'ENODEV', 'setLinkUp', () => rtnetlink.setLinkUp(2147483647)],
    [
      'an address twice',
      'EEXIST',
      'addAddress',
      () => rtnetlink.addAddress({ interfaceIndex: dummy, address: '10.97.0.1', prefixLength: 24 }),
    ],
    [
      'an address on no link',
      'ENODEV',
      'addAddress',
      () => rtnetlink.addAddress({ interfaceIndex: 2147483647, address: '10.97.0.2', prefixLength: 24 }),
    ],
    [
      'deletion of no address',
      'EADDRNOTAVAIL',
      'deleteAddress',
      () => rtnetlink.deleteAddress({ interfaceIndex: dummy, address: '10.97.0.9', prefixLength: 24 }),
    ],
    ['deletion of no route', 'ESRCH', 'deleteRoute', () => rtnetlink.deleteRoute(route(dummy, {}))],
    [
      'a look-up that reaches nothing',
      'ENETUNREACH',
      'lookupRoute',
      () => rtnetlink.lookupRoute({ destination: '192.0.2.1' }),
    ],
  ];
  for (const [name, code, operation, act] of refused) {
    it(`${name}: ${code}`, async () => {
      const error = await netlinkError(act(), code, operation);
      assert.ok(error.errno > 0);
      assert.ok(error.message.includes(operation) || error.message.includes(code), error.message);
    });
  }

  it('what is refused changes nothing', async () => {
    assert.deepEqual(await savedTable(), [
      '-A -t 10.103.97.2:6443 -s rr',
      '-a -t 10.103.97.2:6443 -r 10.103.97.200:6443 -m -w 1',
    ]);
  });

  it('rows of a service that is not there: the dump is refused or empty, as for ipvsadm', async () => {
    // The kernel does not look whether the service of a dump exists before it begins.
    const rows = await ipvs.listDestinations(missing).catch((error: unknown) => {
      assert.ok(error instanceof NetlinkError && error.code === 'ESRCH', String(error));
      return [];
    });
    assert.deepEqual(rows, []);
  });

  it('absent is a value: getService and findLink give null', async () => {
    assert.equal(await ipvs.getService(missing), null);
    assert.equal(await rtnetlink.findLink('nosuch0'), null);
  });

  // The kernel's texts are given as they are, never parsed; await ip(8) prints the same ones.
  const worded: [name: string, code: string, ipArguments: string, act: () => Promise<unknown>][] = [
    [
      'a preferred source that is not ours',
      'EINVAL',
      'route replace 10.98.0.0/24 dev errors0 src 192.0.2.1',
      () => rtnetlink.replaceRoute(route(dummy, { preferredSource: '192.0.2.1' })),
    ],
    [
      'a gateway that cannot be reached',
      'ENETUNREACH',
      'route replace 10.98.0.0/24 via 192.0.2.1',
      () => rtnetlink.replaceRoute(route(dummy, { interfaceIndex: null, gateway: '192.0.2.1', scope: 0 })),
    ],
    [
      'an IPv6 preferred source that is not ours',
      'EINVAL',
      '-6 route replace fd98::/64 dev errors0 src fd99::1',
      () =>
        rtnetlink.replaceRoute(
          route(dummy, {
            family: 'ipv6',
            destination: 'fd98::',
            prefixLength: 64,
            preferredSource: 'fd99::1',
            scope: 0,
          }),
        ),
    ],
  ];
  for (const [name, code, ipArguments, act] of worded) {
    it(`${name}: ${code}, in the kernel's words`, async () => {
      const error = await netlinkError(act(), code, 'replaceRoute');
      const printed = await ip(ipArguments).catch((failure: unknown) => (failure as ToolError).stderr);
      assert.ok(error.kernelMessage !== null, 'no text');
      // ip adds a full stop if there is none.
      assert.equal(`Error: ${error.kernelMessage.replace(/\.$/, '')}.`, printed.trim());
    });
  }

  it('without CAP_NET_ADMIN: EPERM for what changes, answers for what rtnetlink shows to everyone', async () => {
    const { code, stdout, stderr } = await runChild('unprivileged', {
      wrapper: ['setpriv', '--bounding-set=-net_admin', '--inh-caps=-net_admin', '--'],
    });
    assert.equal(code, 0, stderr);
    assert.deepEqual(JSON.parse(stdout), {
      info: 'EPERM info',
      listServices: 'EPERM listServices',
      getService: 'EPERM getService',
      createService: 'EPERM createService',
      createDestination: 'EPERM createDestination',
      deleteService: 'EPERM deleteService',
      listLinks: 'ok',
      findLink: 'ok',
      lookupRoute: 'ok',
      createDummyLink: 'EPERM createDummyLink',
      addAddress: 'EPERM addAddress',
      deleteAddress: 'EPERM deleteAddress',
      deleteLink: 'EPERM deleteLink',
    });
    assert.equal((await ip('link')).includes('denied0'), false);
  });
});
