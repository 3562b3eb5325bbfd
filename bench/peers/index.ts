/** All that can be compared. */
import { goLoop } from './go-loop.js';
import { haproxyPeers } from './haproxy.js';
import { keepalivedPeers } from './keepalived.js';
import { lvscare, lvscareTuned } from './lvscare.js';
import type { Peer } from './peer.js';

/** In the order of the report; others are compared with the first, and the tuned ones with the second. */
export const PEERS: readonly Peer[] = [lvscare, lvscareTuned, ...keepalivedPeers, ...haproxyPeers, goLoop];
