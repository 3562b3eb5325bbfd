// usage: add-node-to-sbom.mjs SBOM PACKAGE.JSON
// Adds the Node.js of npm's package PACKAGE.JSON to the bill of materials SBOM.
import { readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { cyclonedx, nodeComponent } from './cyclonedx.mjs';

const [file, ofNode] = process.argv.slice(2);
const { components } = JSON.parse(readFileSync(file, 'utf8'));
const { version } = JSON.parse(readFileSync(ofNode, 'utf8'));
writeFileSync(
  file,
  cyclonedx(JSON.parse(readFileSync('package.json', 'utf8')), [...components, nodeComponent(version)]),
);
