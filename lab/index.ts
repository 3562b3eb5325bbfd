/** The lab, for tests, demo and benchmarks. */
export { APISERVER_PORT, endpoint, masterAddresses, NODE, VIP, type Addresses } from './addresses.js';
export type { ApiserverStats, HealthRequest, Whoami } from './apiserver-calls.js';
export type { Ending, RequestOptions, RequestResult } from './client-calls.js';
export type { LabConnection, SteadyClient } from './client-handles.js';
export { Lab, type LabOptions } from './lab.js';
export type { Master } from './master.js';
export { urlOf } from './network.js';
export type { LabNode } from './node.js';
export type { LabProcess, Line } from './process.js';
export { until } from './until.js';
