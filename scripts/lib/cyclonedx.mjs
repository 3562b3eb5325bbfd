// A software bill of materials (SBOM) in CycloneDX, the format that vulnerability scanners read.

/** A package of npm, by what its package.json says. */
export function npmComponent({ name, version, license }) {
  const [, group, own] = /^(?:(@[^/]+)\/)?(.+)$/.exec(name);
  return {
    type: 'library',
    ...(group === undefined ? {} : { group }),
    name: own,
    version,
    licenses: [{ expression: license }],
    purl: `pkg:npm/${group === undefined ? '' : `${encodeURIComponent(group)}/`}${own}@${version}`,
  };
}

/** Node.js itself. */
export function nodeComponent(version) {
  return {
    type: 'application',
    name: 'node',
    version,
    cpe: `cpe:2.3:a:nodejs:node.js:${version}:*:*:*:*:*:*:*`,
    purl: `pkg:generic/node@${version}`,
  };
}

/** The same components give the same text. */
export function cyclonedx(application, components) {
  const sorted = [...components].sort((a, b) => (a.purl < b.purl ? -1 : 1));
  const document = {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: { ...npmComponent(application), type: 'application' } },
    components: sorted,
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}
