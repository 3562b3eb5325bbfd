/** The lab, for tests, demo and benchmarks. */
export { endpoint, NODE, VIP } from './addresses.js';
export type { RequestResult } from './client-calls.js';
export { Lab } from './lab.js';
export type { Master } from './master.js';
export { urlOf } from './network.js';
export type { LabNode } from './node.js';
export type { LabProcess } from './process.js';
export { openSockets } from './sockets.js';
export { until } from './until.js';
