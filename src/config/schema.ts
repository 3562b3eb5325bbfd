import type { CareOption } from './option.js';
import { CARE_OPTIONS } from './options.js';

type Schema = Readonly<Record<string, unknown>>;

const TEXT: Schema = { type: ['string', 'number'] };
const SERVER: Schema = { type: 'string' };
const WEIGHTED: Schema = {
  type: 'object',
  properties: { address: SERVER, weight: { type: ['integer', 'string'], minimum: 1, maximum: 65_535 } },
  required: ['address'],
  additionalProperties: false,
};

/**
 * The JSON Schema of the file of `--config`, made from the option table: editors complete and check by it. It accepts all that lvscare
 * accepts, and refuses wrong names, places and types; what a text may be, lvscare itself checks (`lvscare config FILE`).
 */
// ts-unused-exports:disable-next-line
export function configSchema(): Schema {
  const ofProcess = fileOptions(({ appliesTo }) => appliesTo === 'process');
  const ofVirtualServer = fileOptions(({ appliesTo }) => appliesTo !== 'process');
  const { vs: _vs, rs: _rs, discover: _discover, ...shared } = ofVirtualServer;
  const several = {
    type: 'object',
    properties: {
      ...ofProcess,
      defaults: { type: 'object', properties: shared, additionalProperties: false },
      virtualServers: {
        type: 'array',
        minItems: 1,
        maxItems: 256,
        items: {
          type: 'object',
          properties: ofVirtualServer,
          required: ['vs', 'rs'],
          additionalProperties: false,
        },
      },
    },
    required: ['virtualServers'],
    additionalProperties: false,
  };
  const one = {
    type: 'object',
    properties: { ...ofProcess, ...ofVirtualServer },
    additionalProperties: false,
  };
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Configuration of lvscare care',
    description: 'docs/configuration.md says what it means.',
    anyOf: [several, one],
  };
}

/** The options of a file, by each of their long names. */
function fileOptions(has: (option: CareOption) => boolean): Schema {
  const options: readonly (CareOption & { readonly flag: string })[] = CARE_OPTIONS;
  return Object.fromEntries(
    options
      .filter((option) => has(option) && option.flag !== 'config')
      .flatMap((option) =>
        [option.flag, ...(option.aliases ?? []).filter((alias) => alias.length > 1)].map((name) => [
          name,
          schemaOf(option),
        ]),
      ),
  );
}

function schemaOf({ flag, kind, help, default: value }: CareOption & { readonly flag: string }): Schema {
  const about = { description: help, ...(value === undefined ? {} : { default: value }) };
  switch (kind) {
    case 'switch':
      return { ...about, type: ['boolean', 'string'] };
    case 'text':
      return { ...about, ...TEXT };
    case 'list':
      return {
        ...about,
        anyOf: [TEXT, { type: 'array', items: flag === 'rs' ? { anyOf: [TEXT, WEIGHTED] } : TEXT }],
      };
  }
}
