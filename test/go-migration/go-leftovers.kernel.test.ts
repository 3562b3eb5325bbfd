// The Go program's rules, in legacy iptables and in nf_tables.
import { describeLeftoversIn } from './go-leftovers.js';

describeLeftoversIn('iptables-legacy');
describeLeftoversIn('iptables-nft');
