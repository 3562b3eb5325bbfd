// The Go program's rules in nf_tables, which User-Mode Linux does not have for IPv4.
import { describeLeftoversIn } from './go-leftovers.js';

describeLeftoversIn('iptables-nft');
