import { isMap, isScalar, isSeq, parseAllDocuments, type Document, type Scalar, type YAMLMap } from 'yaml';

/**
 * A manifest with another image in its lvscare container, and otherwise byte for byte as it was. Throws an Error for what is
 * no pod with such a container.
 *
 * @param text YAML or JSON.
 */
export function withImage(text: string, image: string): string {
  const scalar = imageOf(containerOf(theDocument(text)));
  const [start, end] = scalar.range ?? [0, 0];
  const before = text.slice(start, end);
  const quote = /^["']/.exec(before)?.[0] ?? '';
  // What has a colon or a slash in it is text to every reader of YAML; `on` and 1_000 are not.
  const around = quote === '' && !/[:/]/.test(image) ? '"' : quote;
  const changed = text.slice(0, start) + around + image + around + text.slice(end);
  // Whatever else the text may be, it is not changed for anything but what was asked for.
  if (imageOf(containerOf(theDocument(changed))).value !== image)
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
  if (error !== undefined) throw new Error(`it is no YAML: ${error.message.split('\n')[0]}`);
  if (document.get('kind') !== 'Pod') throw new Error('it is no Pod');
  return document;
}

/** The container named lvscare, else the only one whose program is called so, else the only one. */
function containerOf(document: Document): YAMLMap {
  const list = document.getIn(['spec', 'containers']);
  const containers = isSeq(list) ? list.items.filter(isMap) : [];
  const [only, ...others] = containers;
  const byName = containers.filter((container) => container.get('name') === 'lvscare');
  const byProgram = containers.filter((container) => /(?:^|\/)lvscare$/.test(programOf(container)));
  const [found] = [byName, byProgram, containers].filter(({ length }) => length === 1).flat();
  if (found !== undefined) return found;
  if (only === undefined) throw new Error('it has no container');
  throw new Error(`none of its ${others.length + 1} containers is called lvscare`);
}

function programOf(container: YAMLMap): string {
  const program = container.getIn(['command', 0]);
  return typeof program === 'string' ? program : '';
}

function imageOf(container: YAMLMap): Scalar<string> {
  const image = container.get('image', true);
  if (!isScalar<string>(image) || typeof image.value !== 'string' || image.value === '')
    throw new Error('its lvscare container has no image');
  if (image.anchor !== undefined || !['PLAIN', 'QUOTE_SINGLE', 'QUOTE_DOUBLE'].includes(image.type ?? ''))
    throw new Error('its image is written in a way that cannot be changed in place');
  return image;
}
