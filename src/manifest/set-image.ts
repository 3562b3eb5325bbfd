import { isMap, isScalar, isSeq, parseAllDocuments, type Document, type Scalar, type YAMLMap } from 'yaml';

/** The lvscare container of a pod. Throws an Error that says why a text, YAML or JSON, is not a pod with one. */
export function lvscareContainer(text: string): YAMLMap {
  const containers = containersOf(theDocument(text));
  const container = containers[placeOf(containers)];
  if (container === undefined) throw new Error('it has no container');
  return container;
}

/**
 * A manifest with another image in its lvscare container, and every other byte unchanged. Throws an Error for a text that is not
 * a pod with such a container.
 *
 * @param text YAML or JSON.
 */
export function withImage(text: string, image: string): string {
  const containers = containersOf(theDocument(text));
  const place = placeOf(containers);
  const scalar = imageOf(containers[place]);
  const [start, end] = scalar.range ?? [0, 0];
  const before = text.slice(start, end);
  const quote = /^["']/.exec(before)?.[0] ?? '';
  // Every YAML parser reads a value with a colon or a slash as text, but not `on` or 1_000.
  const around = quote === '' && !/[:/]/.test(image) ? '"' : quote;
  const changed = text.slice(0, start) + around + image + around + text.slice(end);
  // Nothing but the image may change, whatever the text is.
  if (imageOf(containersOf(theDocument(changed))[place]).value !== image)
    throw new Error('its image is written in a way that cannot be changed in place');
  return changed;
}

function theDocument(text: string): Document {
  const documents = [...parseAllDocuments(text, { uniqueKeys: true })].filter(
    (document) => !('empty' in document) && document.contents !== null,
  ) as Document[];
  const [document] = documents;
  if (document === undefined) throw new Error('it is empty');
  if (documents.length > 1) throw new Error('it has more than one document, and the kubelet reads one');
  const [error] = document.errors;
  if (error !== undefined) throw new Error(`it is not valid YAML: ${error.message.replace(/:?\n[^]*/, '')}`);
  if (document.get('kind') !== 'Pod') throw new Error('it is not a Pod');
  return document;
}

function containersOf(document: Document): readonly YAMLMap[] {
  const list = document.getIn(['spec', 'containers']);
  return isSeq(list) ? list.items.filter(isMap) : [];
}

/**
 * The index of the container named lvscare, else of the only one with the program lvscare, else of the only container, if its image
 * or its arguments are lvscare's: another pod with one container is not ours.
 */
function placeOf(containers: readonly YAMLMap[]): number {
  const byName = containers.filter((container) => container.get('name') === 'lvscare');
  const byProgram = containers.filter((container) =>
    /(?:^|\/)lvscare$/.test(stringsOf(container, 'command')[0] ?? ''),
  );
  const [found] = [byName, byProgram].filter(({ length }) => length === 1).flat();
  if (found !== undefined) return containers.indexOf(found);
  const [only, ...others] = containers;
  if (only === undefined) throw new Error('it has no container');
  if (others.length > 0) throw new Error(`none of its ${containers.length} containers is called lvscare`);
  if (!looksLikeLvscare(only)) throw new Error("its container is not lvscare's");
  return 0;
}

function looksLikeLvscare(container: YAMLMap): boolean {
  const image = container.get('image');
  if (typeof image === 'string' && image.includes('lvscare')) return true;
  const [args] = stringsOf(container, 'args');
  // The program comes first, if the command names it.
  return [args, ...stringsOf(container, 'command').slice(0, 2)].some(
    (word) => word === 'care' || word === 'ipvs',
  );
}

function stringsOf(container: YAMLMap, key: string): readonly string[] {
  const list = container.get(key);
  return isSeq(list) ? list.items.map((item) => String(isScalar(item) ? item.value : '')) : [];
}

function imageOf(container: YAMLMap | undefined): Scalar<string> {
  const image = container?.get('image', true);
  if (!isScalar<string>(image) || typeof image.value !== 'string' || image.value === '')
    throw new Error('its lvscare container has no image');
  if (image.anchor !== undefined || !['PLAIN', 'QUOTE_SINGLE', 'QUOTE_DOUBLE'].includes(image.type ?? ''))
    throw new Error('its image is written in a way that cannot be changed in place');
  return image;
}
