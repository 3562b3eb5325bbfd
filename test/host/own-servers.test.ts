import assert from 'node:assert/strict';
import { it } from 'node:test';
import { endpoint } from '../../src/values/endpoint.js';
import { ownServers } from '../../src/host/own-servers.js';
import { NetlinkError, type RouteLookup, type RouteQuery } from '../../src/netlink/index.js';

const NONE = { interfaceIndex: 1, gateway: null, source: null };
const REMOTE: RouteLookup = { ...NONE, type: 'unicast' };

function refusal(code: string): NetlinkError {
  return new NetlinkError('lookupRoute', { errno: 1, code, description: code, kernelMessage: null });
}

function asked(
  routes: Readonly<Record<string, RouteLookup | Error>>,
): Promise<readonly { readonly text: string }[]> {
  const lookupRoute = ({ destination }: RouteQuery): Promise<RouteLookup> => {
    const route = routes[destination];
    assert.ok(route !== undefined);
    return route instanceof Error ? Promise.reject(route) : Promise.resolve(route);
  };
  return ownServers(
    { lookupRoute },
    Object.keys(routes).map((address) => endpoint('ipv4', address, 6443)),
  );
}

it("the real servers that are the node itself are those that the kernel's routes deliver locally", async () => {
  const own = await asked({
    '10.0.0.1': { ...NONE, type: 'local' },
    '10.0.0.2': REMOTE,
    '127.0.0.1': { ...NONE, type: 'local' },
    '10.0.0.3': refusal('ENETUNREACH'),
  });
  assert.deepEqual(
    own.map(({ text }) => text),
    ['10.0.0.1:6443', '127.0.0.1:6443'],
  );
});

it('what is a fault of our own is not taken for a route', async () => {
  await assert.rejects(asked({ '10.0.0.1': new TypeError('ours') }), TypeError);
});
