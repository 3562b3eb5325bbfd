// usage: man-pages.mjs DIRECTORY
// Writes a man page of section 8 for lvscare and one for each command into DIRECTORY, from the tables that the help is from (after `npm run
// build`). Their date is $SOURCE_DATE_EPOCH.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { COMMANDS } from '../../dist/src/cli/commands.js';

const SECTION = 8;
const EXIT_CODES = 'Exit codes: 0 done, 1 it failed, 2 the arguments are wrong.';
const directory = process.argv[2];
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const date = new Date(Number(process.env.SOURCE_DATE_EPOCH || 0) * 1000).toISOString().slice(0, 10);

/** Text in which roff finds no request and no escape. */
function plain(text) {
  return text
    .replaceAll('\\', String.raw`\e`)
    .replaceAll('-', String.raw`\-`)
    .replaceAll(/^[.']/gm, String.raw`\&$&`);
}

function page(name, summary, synopsis, sections) {
  const title = [name.toUpperCase(), SECTION, date, `lvscare ${version}`, 'lvscare'];
  return [
    `.TH ${title.map((one) => `"${plain(String(one))}"`).join(' ')}`,
    `.SH NAME\n${plain(name)} \\- ${plain(summary)}`,
    `.SH SYNOPSIS\n.B ${plain(synopsis)}`,
    ...sections.map(([heading, text]) => `.SH ${heading}\n${text}`),
    '',
  ].join('\n');
}

function optionEntry({ flag, aliases = [], kind, takes, help, default: value, otherwise = value }) {
  const names = [flag, ...aliases].map((name) => (name.length === 1 ? `-${name}` : `--${name}`)).join(', ');
  const byDefault =
    otherwise === undefined || (kind === 'switch' && otherwise === 'false')
      ? ''
      : ` ${otherwise.startsWith('required') ? `(${otherwise})` : `Default: ${otherwise}.`}`;
  const ending = /[.)]$/.test(help) ? '' : '.';
  const argument = kind === 'switch' ? '' : ` \\fI${plain(takes)}\\fR`;
  return `.TP\n\\fB${plain(names)}\\fR${argument}\n${plain(`${help}${ending}${byDefault}`)}`;
}

/** Under the headings of the help. */
function optionsOf(options) {
  const groups = grouped(options);
  return [...groups]
    .map(([group, ones]) => `.SS ${plain(group.replace(/:$/, ''))}\n${ones.map(optionEntry).join('\n')}`)
    .join('\n');
}

/** By their group, in the order of the help. Node.js 20 has no Map.groupBy. */
function grouped(options) {
  const groups = new Map();
  for (const option of options) groups.set(option.group, [...(groups.get(option.group) ?? []), option]);
  return groups;
}

function commandPage({ name, summary, synopsis, description, options, notes, examples }) {
  const shown = options.filter(({ hidden }) => hidden !== true);
  const example = ([what, how]) =>
    `.PP\n${plain(what)}:\n.PP\n.nf\n  ${plain(`lvscare ${name} ${how}`.trimEnd())}\n.fi`;
  return page(`lvscare-${name}`, summary, `lvscare ${name} ${synopsis}`, [
    ['DESCRIPTION', plain(description)],
    ...(shown.length === 0 ? [] : [['OPTIONS', optionsOf(shown)]]),
    ...(notes === undefined ? [] : [['NOTES', plain(notes)]]),
    ['EXAMPLES', examples.map(example).join('\n')],
    ['EXIT STATUS', plain(EXIT_CODES)],
    ['SEE ALSO', `.BR lvscare (${SECTION})`],
  ]);
}

const entry = ({ name, summary }) => `.TP\n.BR lvscare\\-${name} (${SECTION})\n${plain(summary)}.`;
mkdirSync(directory, { recursive: true });
const pages = {
  lvscare: page(
    'lvscare',
    'IPVS virtual server to the healthy Kubernetes apiservers',
    'lvscare COMMAND [options]',
    [
      [
        'DESCRIPTION',
        plain('Keeps an IPVS virtual server on this node pointed at the healthy Kubernetes apiservers.'),
      ],
      ['COMMANDS', COMMANDS.map(entry).join('\n')],
      [
        'FILES',
        `.TP\n/etc/lvscare/care.json\nThe options of lvscare.service: a file of \\fBlvscare care \\-\\-config\\fR, in JSON or YAML.\n` +
          `.TP\n/run/lvscare\nThe socket of the running lvscare, and the record of what it made.`,
      ],
      ['EXIT STATUS', plain(EXIT_CODES)],
      [
        'SEE ALSO',
        `${COMMANDS.map(({ name }) => `.BR lvscare\\-${name} (${SECTION})`).join(',\n')},\n.BR ipvsadm (8)`,
      ],
    ],
  ),
  ...Object.fromEntries(COMMANDS.map((command) => [`lvscare-${command.name}`, commandPage(command)])),
};
for (const [name, text] of Object.entries(pages)) writeFileSync(join(directory, `${name}.${SECTION}`), text);
