// usage: image-sbom.mjs ROOT
// Adds Node.js and Debian's packages to the bill of materials of the program in the image's root file system ROOT.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { cyclonedx, nodeComponent } from './cyclonedx.mjs';

const root = process.argv[2];
const file = join(root, 'opt/lvscare/dist/sbom.cdx.json');
const release = /^VERSION_ID="?([^"\n]+)/m.exec(readFileSync(join(root, 'etc/os-release'), 'utf8'))[1];

/** A package of Debian, by its entry in dpkg's list. */
function debianComponent(entry) {
  const field = (name) => new RegExp(`^${name}: (.*)$`, 'm').exec(entry)[1];
  const [name, version] = [field('Package'), field('Version')];
  const place = `arch=${field('Architecture')}&distro=debian-${release}`;
  return {
    type: 'library',
    name,
    version,
    purl: `pkg:deb/debian/${name}@${encodeURIComponent(version)}?${place}`,
  };
}

const added = [
  nodeComponent(process.versions.node),
  ...readdirSync(join(root, 'var/lib/dpkg/status.d')).map((name) =>
    debianComponent(readFileSync(join(root, 'var/lib/dpkg/status.d', name), 'utf8')),
  ),
];
const { components } = JSON.parse(readFileSync(file, 'utf8'));
writeFileSync(file, cyclonedx(JSON.parse(readFileSync('package.json', 'utf8')), [...components, ...added]));
