// docs/errors.md: every code that an error can have, from the tables that the compiler holds the sources to.
//   npm run docs
// A test holds the file to this (test/docs.test.ts).
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { INPUT_CODES, RUNTIME_CODES, SHAPE_CODES } from '../src/util/codes.ts';

export const ERROR_DOCS = fileURLToPath(new URL('../docs/errors.md', import.meta.url));

const table = (codes: Readonly<Record<string, string>>) =>
  [
    '| code | when |',
    '| - | - |',
    ...Object.entries(codes).map(([code, when]) => `| \`${code}\` | ${when.replace(/<[^>]*>/g, (tag) => `\`${tag}\``)} |`),
  ].join('\n');

/** The text of docs/errors.md. */
export function errorDocs(): string {
  return `# Errors

<!-- Written by npm run docs from src/util/codes.ts: change it there. -->

What goes wrong on purpose is a \`BananaError\` of one of three classes, told apart by who can mend it. Its \`message\` is one line: where, what was
found, what was expected, what to do. Messages may change; the \`code\` stays what it is, so test against that:

\`\`\`ts
import { BananaError, openBanana } from 'banana-sdk/node';

const banana = await openBanana();
try {
  await banana.picture({ prompt: 'a fox', width: 63 });
} catch (error) {
  if (error instanceof BananaError && error.code === 'size.side') console.log(error.message);
  else throw error;
} finally {
  await banana.close();
}
\`\`\`

A request that was aborted rejects with the signal's own reason. The command prints the message and ends with 2 for an \`InputError\`, with 1 for the others.

## InputError

The caller's options or files. Where it is about an option of a request, \`path\` says which, such as \`references[0].slot\`; the options are in
[request.md](request.md).

${table(INPUT_CODES)}

## RuntimeError

The machine: a session, a process, a missing package. \`cause\` holds the first error where there is one.

${table(RUNTIME_CODES)}

## ShapeError

A graph that was built wrongly: only who writes networks meets these.

${table(SHAPE_CODES)}
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(ERROR_DOCS, errorDocs());
