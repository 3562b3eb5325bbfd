import { isIP } from 'node:net';
import { basename } from 'node:path';
import { parseAddress } from './parse-endpoint.js';
import { UsageError, type Parser } from './usage-error.js';

/** The name of a pod, a DNS label: the kubelet adds the node's name to it. */
export const parsePodName: Parser<string> = (text, option) => {
  if (!/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(text))
    throw new UsageError(option, 'a DNS label (RFC 1123): at most 63 of a-z, 0-9 and, inside, -', text);
  return text;
};

const HOST = '(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\\[[0-9a-fA-F:]+\\])(?::\\d{1,5})?';
const COMPONENT = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const TAG = '[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}';
const DIGEST = '[A-Za-z][A-Za-z0-9]*(?:[+._-][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}';
const IMAGE = new RegExp(`^(?:${HOST}/)?${COMPONENT}(?:/${COMPONENT})*(?::${TAG})?(?:@${DIGEST})?$`);

/** The reference of an image, as container runtimes take it: `[HOST[:PORT]/]NAME[:TAG][@DIGEST]`. */
export const parseImage: Parser<string> = (text, option) => {
  if (text.length > 512 || !IMAGE.test(text))
    throw new UsageError(option, 'an image, [HOST[:PORT]/]NAME[:TAG][@DIGEST]', text);
  return text;
};

/** The path of a kubeconfig, which need not be there yet: kubelet gets one when the node joins. */
export const parseKubeconfig: Parser<string> = (text, option) => {
  if (!text.startsWith('/')) throw new UsageError(option, 'the absolute path of a kubeconfig', text);
  return text;
};

/** The name of a network interface, as the kernel takes it. */
export const parseInterface: Parser<string> = (text, option) => {
  const bytes = Buffer.byteLength(text);
  if (bytes < 1 || bytes > 15 || /[\s/:%]/.test(text) || text === '.' || text === '..') {
    throw new UsageError(option, 'the name of an interface, at most 15 bytes without / or spaces', text);
  }
  return text;
};

/** A DNS name, or an IP address. */
export const parseServerName: Parser<string> = (text, option) => {
  if (isIP(text) !== 0) return parseAddress(text, option);
  const labels = text.split('.');
  // A name that ends in a number would be an address, and a wrong one.
  const good =
    text.length <= 253 &&
    labels.every((label) => /^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)$/.test(label)) &&
    !/^\d+$/.test(labels.at(-1) ?? '');
  if (!good) throw new UsageError(option, 'a DNS name or an IP address', text);
  return text;
};

/** The kubelet takes no file whose name begins with a dot. */
export const parseManifestPath: Parser<string> = (text, option) => {
  const name = basename(text);
  if (text.endsWith('/') || name === '' || name.startsWith('.'))
    throw new UsageError(option, 'a file whose name does not begin with a dot', text);
  return text;
};

/** The name of a host, in lower case and without the dot at its end. */
export const parseHostName: Parser<string> = (text, option) => {
  const name = text.toLowerCase().replace(/\.$/, '');
  if (name.length > 253 || !/^[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?$/.test(name))
    throw new UsageError(option, 'the name of a host, without a port', text);
  return name;
};
