// docs/request.md: every option of a request, from the tables that the check, the command and the JSON schema come from.
//   npm run docs
// A test holds the file to this (test/docs.test.ts).
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { wired, type Option, type Options } from '../src/draw/option.ts';
import { LIMIT, LIMITS, optionsOf } from '../src/draw/request.ts';
import { LIVE_OPTIONS } from '../src/live/options.ts';
import { OPEN_OPTIONS as NODE } from '../src/node/options.ts';
import { OPEN_OPTIONS as WEB } from '../src/web/options.ts';

export const REQUEST_DOCS = fileURLToPath(new URL('../docs/request.md', import.meta.url));

const cell = (text: string) => text.replaceAll('|', '\\|').replace(/<[^>]*>/g, (tag) => `\`${tag}\``);
const code = (text: string | undefined) => (text === undefined ? '' : `\`${text}\``);

/** The columns of a table: what is said of each option. */
const COLUMNS: Readonly<Record<string, (option: Option, name: string) => string>> = {
  option: (_, name) => code(name),
  'what it is': ({ about }) => cell(about),
  'what it may be': ({ expected, range, entries }) => cell(entries || range === undefined ? expected : range),
  'left out': ({ default: value, otherwise, needed }) => (needed ? 'it cannot be' : String(otherwise ?? value ?? '')),
  flag: ({ flag }) => code(flag),
  'other tools say': ({ words = [] }) => words.map(code).join(' '),
};

/** A table without columns that would be empty. */
function table(options: Options): string {
  const columns = Object.entries(COLUMNS).map(([title, cellOf]) => [
    title,
    ...Object.entries(options).map(([name, option]) => cellOf(option, name)),
  ]);
  const filled = columns.filter(([, ...cells]) => cells.some((text) => text !== ''));
  const line = (row: number) => `| ${filled.map((column) => column[row]).join(' | ')} |`;
  const [title, ...rows] = filled[0]!.map((_, row) => line(row));
  return [title, `|${' - |'.repeat(filled.length)}`, ...rows].join('\n');
}

/** The text of docs/request.md. */
export function requestDocs(): string {
  const request = optionsOf(LIMITS);
  const own = (options: Options) =>
    Object.keys(options)
      .filter((name) => !(name in wired(options)))
      .map(code)
      .join(' and ');
  return `# What a picture can be asked for

<!-- Written by npm run docs from src/draw/request.ts: change it there. -->

One table for the SDK (\`banana.picture({ prompt: 'a fox', steps: 2 })\`), the command (\`banana "a fox" --steps 2\`) and JSON.
What is not in it is refused, with the name that was probably meant:

\`\`\`
no option "n": it is count here
references[0].slot is the text "1": expected a number; write 1 without quotes
width 63: expected a whole number of pixels from 64 to 4096
\`\`\`

Errors are \`InputError\`s with a stable \`code\` and, where they are about an option, its \`path\` (\`references[0].slot\`).

${table(request)}

Each of \`references\` (as JSON, the file of its picture in base64 as \`image\`):

${table(request.references.entries!)}

Each of \`peels\`: one of name, path and bytes, and how much of it.
${own(request.peels.entries!)} are for a program only and no part of the JSON:

${table(request.peels.entries!)}

While one types (\`banana.live({ fps: 10 })\`, \`banana live --fps 10\`) also:

${table(LIVE_OPTIONS)}

## Opening a model

\`openBanana({ runtime: 'wasm', threads: 1 })\` of banana-sdk/node:

${table(NODE)}

and of banana-sdk/web:

${table(WEB)}

## Limits

\`openBanana({ limits: { side: 1024, count: 4 } })\` refuses what asks for more; a limit can only be narrower than these:

${table(LIMIT)}
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(REQUEST_DOCS, requestDocs());
