// ts-unused-exports:disable-next-line
export type { AddressFilter } from './address.js';
export { isIpvsMissing, NetlinkError } from './errors.js';
export { listGroupSockets, openGroupSocket } from './group-socket.js';
export { Ipvs } from './ipvs.js';
export { nftGeneration } from './nft-generation.js';
export { getPeerCredentials } from './peer.js';
// ts-unused-exports:disable-next-line
export type { RouteFilter } from './route.js';
export { Rtnetlink } from './rtnetlink.js';
export { SockDiag } from './sock-diag.js';
export { getTcpLiveness, setTcpLiveness } from './tcp.js';
export * from './types.js';
