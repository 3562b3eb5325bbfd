import { isMap, isScalar, isSeq, parseAllDocuments, type Document, type Scalar, type YAMLMap } from 'yaml';

/** Throws an Error that says why a text, YAML or JSON, is no pod with a container of lvscare's. */
export function checkIsLvscare(text: string): void {
  placeOf(containersOf(theDocument(text)));
}

/**
 * A manifest with another image in its lvscare container, and otherwise byte for byte as it was. Throws an Error for what is
 * no pod with such a container.
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
  // What has a colon or a slash in it is text to every reader of YAML; `on` and 1_000 are not.
  const around = quote === '' && !/[:/]/.test(image) ? '"' : quote;
  const changed = text.slice(0, start) + around + image + around + text.slice(end);
  // Whatever else the text may be, it is not changed for anything but what was asked for.
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
  if (error !== undefined) throw new Error(`it is no YAML: ${error.message.replace(/:?\n[^]*/, '')}`);
  if (document.get('kind') !== 'Pod') throw new Error('it is no Pod');
  return document;
}

function containersOf(document: Document): readonly YAMLMap[] {
  const list = document.getIn(['spec', 'containers']);
  return isSeq(list) ? list.items.filter(isMap) : [];
}

/**
 * Where among them is the one named lvscare, else the only one whose program is called so, else the only one, if its image or
 * what it is told is lvscare's: any other pod of one container is somebody else's.
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
  if (!mayTakeCare(only)) throw new Error("its container is not lvscare's");
  return 0;
}

function mayTakeCare(container: YAMLMap): boolean {
  const image = container.get('image');
  if (typeof image === 'string' && image.includes('lvscare')) return true;
  const [args] = stringsOf(container, 'args');
  // The program itself comes first, if it is said at all.
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
