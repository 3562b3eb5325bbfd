// Tries everything and prints, as JSON, what each operation said. Run without CAP_NET_ADMIN.
import { Ipvs, NetlinkError, Rtnetlink } from '../../../src/netlink/index.js';
import { patience } from '../../support/netlink.js';

const outcomes: Record<string, string> = {};

async function attempt(name: string, promise: Promise<unknown>): Promise<void> {
  outcomes[name] = await promise.then(
    () => 'ok',
    (error: unknown) => (error instanceof NetlinkError ? `${error.code} ${error.operation}` : String(error)),
  );
}

const service = { protocol: 'tcp', address: '10.103.97.2', port: 6443 } as const;
const destination = { address: '10.103.97.200', port: 6443 };
const address = { interfaceIndex: 1, address: '10.66.0.1', prefixLength: 32 };

const ipvs = Ipvs.open(patience);
await attempt('info', ipvs.info());
await attempt('listServices', ipvs.listServices());
await attempt('getService', ipvs.getService(service));
await attempt('createService', ipvs.createService(service, { scheduler: 'rr' }));
await attempt('createDestination', ipvs.createDestination(service, destination, {}));
await attempt('deleteService', ipvs.deleteService(service));
await ipvs.close();

const rtnetlink = Rtnetlink.open(patience);
await attempt('listLinks', rtnetlink.listLinks());
await attempt('findLink', rtnetlink.findLink('lo'));
await attempt('lookupRoute', rtnetlink.lookupRoute({ destination: '127.0.0.1' }));
await attempt('createDummyLink', rtnetlink.createDummyLink('denied0'));
await attempt('addAddress', rtnetlink.addAddress(address));
await attempt('deleteAddress', rtnetlink.deleteAddress(address));
await attempt('deleteLink', rtnetlink.deleteLink(1));
await rtnetlink.close();

process.stdout.write(JSON.stringify(outcomes));
