import { UsageError, type Parser } from '../config/usage-error.js';

/** The name of a pod, a DNS label: kubelet adds the node's name to it. */
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

/** The reference of an image, as container runtimes accept it: `[HOST[:PORT]/]NAME[:TAG][@DIGEST]`. */
export const parseImage: Parser<string> = (text, option) => {
  if (text.length > 512 || !IMAGE.test(text))
    throw new UsageError(option, 'an image, [HOST[:PORT]/]NAME[:TAG][@DIGEST]', text);
  return text;
};
