// What the kernel keeps without a name: another program may have made it, and it must not hide what is listed beside it.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { loadAddon } from '../../src/netlink/addon.js';
import type { WireIpvsRequest, WireResult, WireServiceId } from '../../src/netlink/contract.js';
import { ipvsRequestToWire } from '../../src/netlink/ipvs-request.js';
import { Ipvs } from '../../src/netlink/index.js';
import { endpoint } from '../../src/values/endpoint.js';
import { countedTable, ipvsTable } from '../../src/ipvs/ipvs-table.js';
import { patience, tcp } from '../support/netlink.js';
import { ipvsadm } from '../support/tools.js';

const IPPROTO_AH = 51;
const service = tcp('10.103.97.2', 6443);
const server = { address: '10.103.97.200', port: 6443 };
const other = { address: '10.103.97.201', port: 6443 };
const strange = { protocol: IPPROTO_AH, address: '10.0.0.51', port: 51 };

/** Sends what netlink-ts itself would refuse to send. */
async function send(...requests: WireIpvsRequest[]): Promise<void> {
  const handle = new (loadAddon().Handle)('ipvs');
  const results = await new Promise<WireResult[]>((resolve) => {
    handle.submit(requests, patience.timeoutMs, resolve);
  });
  await new Promise<void>((resolve) => {
    handle.close(resolve);
  });
  for (const { failure } of results) assert.equal(failure, null);
}

describe('numbers without a name', () => {
  let ipvs: Ipvs;
  before(async () => {
    ipvs = Ipvs.open(patience);
    await ipvsadm('-C');
    await ipvs.createService(service, { scheduler: 'rr' });
    await ipvs.createDestination(service, server, {});
    const add = ipvsRequestToWire('', {
      kind: 'createDestination',
      service,
      destination: other,
      config: { weight: 7 },
    });
    assert.ok(add.destinationConfig !== null);
    const create = ipvsRequestToWire('', { kind: 'createService', service, config: { scheduler: 'wrr' } });
    const id: WireServiceId = {
      family: 2,
      protocol: IPPROTO_AH,
      address: strange.address,
      port: strange.port,
      fwmark: 0,
    };
    await send(
      { ...add, destinationConfig: { ...add.destinationConfig, forwarding: 5 } },
      { ...create, service: id },
    );
  });
  after(async () => {
    await ipvsadm('-C');
    await ipvs.close();
  });

  it('are listed as they are, beside what has names', async () => {
    const services = await ipvs.listServices();
    assert.deepEqual(
      services.map(({ key, scheduler }) => [key, scheduler]).sort(),
      [
        [service, 'rr'],
        [strange, 'wrr'],
      ].sort(),
    );
    const destinations = await ipvs.listDestinations(service);
    assert.deepEqual(
      destinations
        .map(({ address, forwarding, weight, tunnel }) => [address, forwarding, weight, tunnel])
        .sort(),
      [
        ['10.103.97.200', 'masquerade', 1, null],
        ['10.103.97.201', 5, 7, null],
      ],
    );
  });

  it('name a service in requests', async () => {
    assert.deepEqual((await ipvs.getService(strange))?.key, strange);
    assert.deepEqual(await ipvs.listDestinations(strange), []);
  });

  it('are drift of a destination of lvscare, which repairs it', async () => {
    const virtualServer = endpoint('ipv4', service.address, service.port);
    const table = ipvsTable(ipvs, virtualServer);
    const found = await table.read();
    assert.deepEqual(found?.destinations.map(({ forwarding }) => forwarding).sort(), [5, 'masquerade']);
    const counted = await countedTable(ipvs, virtualServer);
    assert.ok(counted?.destinations.some(({ forwarding }) => forwarding === 5));
    const [result] = await table.apply([
      { kind: 'update-destination', server: endpoint('ipv4', other.address, other.port), weight: 7 },
    ]);
    assert.equal(result?.outcome, 'ok');
    const repaired = await table.read();
    assert.deepEqual(
      repaired?.destinations.map(({ forwarding }) => forwarding),
      ['masquerade', 'masquerade'],
    );
  });

  it('name a service that is to go', async () => {
    await ipvs.deleteService(strange);
    assert.equal(await ipvs.getService(strange), null);
  });
});
