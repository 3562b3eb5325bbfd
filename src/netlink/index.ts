export type { AddressFilter } from './address.js';
export { isIpvsMissing, NetlinkError } from './errors.js';
export { Ipvs } from './ipvs.js';
export type { RouteFilter } from './route.js';
export { Rtnetlink } from './rtnetlink.js';
export * from './types.js';
