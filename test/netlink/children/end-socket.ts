// Ends the socket that its argument describes as JSON, and prints what came of it.
import { SockDiag, type TcpSocket } from '../../../src/netlink/index.js';
import { patience } from '../../support/netlink.js';

const socket = JSON.parse(process.argv[2] ?? '') as TcpSocket;
await using diagnostics = SockDiag.open(patience);
const [result] = await diagnostics.endTcpSockets([socket]);
process.stdout.write(result?.ok === false ? result.error.code : 'ok');
