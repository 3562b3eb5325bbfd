import { isIP } from 'node:net';

/**
 * Whether a Host header is an IP address or one of these names, which are in lower case. A web page whose own name was made to lead to this
 * node (DNS rebinding) sends its own name, and could read the answers if that were accepted.
 */
export function isAllowedHost(header: string, names: ReadonlySet<string>): boolean {
  const [, bracketed, plain = ''] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(header.trim()) ?? [];
  if (bracketed !== undefined) return isIP(bracketed.replace(/%.*/, '')) === 6;
  const name = plain.toLowerCase().replace(/\.$/, '');
  return isIP(name) === 4 || names.has(name);
}
