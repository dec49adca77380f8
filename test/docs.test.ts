// What the docs show is true: programs compile against the package's own entries, commands and their flags exist, data can be read, and
// what is made from sources is what they would make now. A language that has no row here is not looked at.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import Papa from 'papaparse';
import { afterAll, expect, test } from 'vitest';
import { ERROR_DOCS, errorDocs } from '../scripts/error-docs.ts';
import { REQUEST_DOCS, requestDocs } from '../scripts/request-docs.ts';
import { programOf } from '../src/cli/run.ts';
import type { Options } from '../src/draw/option.ts';
import { LIMIT, LIMITS, optionsOf } from '../src/draw/request.ts';
import { LIVE_OPTIONS } from '../src/live/options.ts';
import { INPUT_CODES, RUNTIME_CODES, SHAPE_CODES } from '../src/util/codes.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const at = (path: string) => join(root, path);
const read = (path: string) => readFileSync(at(path), 'utf8');
/** Inside the repository, so that programs find its packages. */
const folder = at('node_modules/.cache/docs');
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Block {
  /** Where it begins. */
  readonly at: string;
  readonly language: string;
  readonly text: string;
}

const DOCS = ['.', 'docs', 'tools/cuda'].flatMap((place) =>
  readdirSync(at(place))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(place, name)),
);
const blocks = DOCS.flatMap((path): Block[] => {
  const text = read(path);
  return [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map((found) => ({
    at: `${path}:${text.slice(0, found.index).split('\n').length}`,
    language: found[1]!,
    text: found[2]!,
  }));
});
const of = (...languages: string[]) => blocks.filter(({ language }) => languages.includes(language));
/** What throws, by the place of its block. */
const problems = (list: readonly Block[], check: (text: string) => void): string[] =>
  list.flatMap(({ at, text }) => {
    try {
      check(text);
      return [];
    } catch (error) {
      return [`${at}: ${(error as Error).message}`];
    }
  });

/** What programs use that the page or the words around them bring. */
const GIVEN: Readonly<Record<string, string>> = {
  canvas: 'HTMLCanvasElement',
  input: 'HTMLInputElement',
  dropped: 'DataTransfer',
  bytes: 'Uint8Array<ArrayBuffer>',
  signal: 'AbortSignal',
  banana: "Awaited<ReturnType<typeof import('banana-sdk/web').openBananaWorker>>",
  show: '(step: number, loss: number) => void',
};

/** A block as a module: with the declarations of what it uses and does not declare, on its first line, so that lines keep their numbers. */
function moduleOf({ text }: Block): string {
  const missing = Object.entries(GIVEN).filter(
    ([name]) =>
      new RegExp(`\\b${name}\\b`).test(text) && !new RegExp(`\\b(const|let|function|import)\\s+(\\{[^}]*\\b)?${name}\\b`).test(text),
  );
  return `${missing.map(([name, type]) => `declare const ${name}: ${type};`).join(' ')} export {};\n${text}`;
}

test('programs have no wrong types', { timeout: 120_000 }, () => {
  const programs = of('ts', 'js');
  expect(programs.length).toBeGreaterThan(7);
  const names = programs.map(({ language }, i) => `${i}.m${language}`);
  programs.forEach((block, i) => writeFileSync(join(folder, names[i]!), block.language === 'ts' ? moduleOf(block) : block.text));
  const { name, exports } = JSON.parse(read('package.json')) as { name: string; exports: Record<string, string | { default: string }> };
  const source = (entry: string | { default: string }) =>
    at((typeof entry === 'string' ? entry : entry.default).replace('./dist/', '').replace(/\.js$/, '.ts'));
  const paths = Object.fromEntries(Object.entries(exports).map(([entry, target]) => [name + entry.slice(1), [source(target)]]));
  const { compilerOptions: own } = JSON.parse(read('tsconfig.json')) as { compilerOptions: object };
  const compilerOptions = {
    ...own,
    noEmit: true,
    composite: false,
    incremental: false,
    noUnusedLocals: false,
    allowJs: true,
    rootDir: '/',
    paths,
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: names }));
  let said = '';
  try {
    execFileSync(process.execPath, [at('node_modules/typescript/bin/tsc'), '-p', folder], { encoding: 'utf8', cwd: folder });
  } catch (error) {
    said = (error as { stdout: string }).stdout;
  }
  expect(said.replace(/^(\d+)\.m[tj]s\((\d+),\d+\)/gm, (_, i: number, line: number) => `${programs[i]!.at} line ${line - 1}`)).toBe('');
});

test('data can be read', () => {
  const lines = (text: string) =>
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
  expect(problems(of('json'), (text) => void (text.startsWith('{\n') || text.startsWith('[\n') ? JSON.parse(text) : lines(text)))).toEqual(
    [],
  );
  expect(
    problems(of('csv'), (text) => {
      for (const { message } of Papa.parse(text.trim()).errors) throw new Error(message);
    }),
  ).toEqual([]);
});

const program = programOf({ out() {}, err() {}, terminal: false });

/** Throws unless the command takes these words. */
function checkBanana(words: readonly string[]): void {
  let command: Command = program;
  let rest = [...words];
  for (let next = program.commands.find((c) => c.name() === rest[0]); next; next = command.commands.find((c) => c.name() === rest[0])) {
    command = next;
    rest = rest.slice(1);
  }
  if (command === program && !['--help', '--version', undefined].includes(rest[0])) command = program.commands[0]!; // a bare prompt
  const { operands, unknown } = command.parseOptions(rest.filter((word) => word !== '--help'));
  if (unknown.length > 0 && command !== program) throw new Error(`banana ${command.name()} has no ${unknown[0]}`);
  const most = command.registeredArguments.some(({ variadic }) => variadic) ? Infinity : command.registeredArguments.length;
  if (operands.length > most) throw new Error(`banana ${command.name()} takes ${most} words: ${operands.join(' ')}`);
}

const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };

function checkNpm([verb, ...words]: readonly string[]): void {
  if (verb === 'start') return checkBanana(words.slice(words.indexOf('--') + 1));
  const name = verb === 'run' ? words.find((word) => !word.startsWith('-')) : verb === 'test' ? 'test' : undefined;
  if (name !== undefined && !scripts[name]) throw new Error(`there is no npm run ${name}`);
}

function checkNpx([what, ...words]: readonly string[]): void {
  if (what === 'banana') checkBanana(words);
  if (what === 'tsx' && !existsSync(at(words[0]!))) throw new Error(`there is no ${words[0]}`);
}

const COMMANDS: Readonly<Record<string, (words: readonly string[]) => void>> = { banana: checkBanana, npm: checkNpm, npx: checkNpx };

/** The commands of a shell's text as words, without comments. */
function commandsOf(text: string): string[][] {
  const lines = text.replaceAll('\\\n', ' ').split('\n');
  const words = lines.map((line) =>
    [...line.matchAll(/"((?:\\.|[^"])*)"|'([^']*)'|(#.*)|&&|\|\|?|;|[^\s;|&"']+/g)]
      .filter(([, , , comment]) => comment === undefined)
      .map(([all, a, b]) => a ?? b ?? all),
  );
  return words.flatMap((line) =>
    line.reduce<string[][]>(
      (all, word) => (/^(&&|\|\|?|;)$/.test(word) ? [...all, []] : [...all.slice(0, -1), [...all.at(-1)!, word]]),
      [[]],
    ),
  );
}

test('commands and their flags exist', () => {
  const check = (text: string) => {
    for (const [name = '', ...words] of commandsOf(text)) COMMANDS[name]?.(words);
  };
  expect(problems(of('sh', 'bash'), check)).toEqual([]);
  expect(
    problems(
      [
        { at: 'x', language: 'sh', text: 'npx banana a --sede 3' },
        { at: 'y', language: 'sh', text: 'cd a && npm run nothing # -x' },
        { at: 'z', language: 'sh', text: 'banana peel add a b c' },
      ],
      check,
    ),
  ).toEqual(['x: banana generate has no --sede', 'y: there is no npm run nothing', expect.stringContaining('z: banana add takes')]);
});

test('docs/request.md and docs/errors.md are what npm run docs writes', () => {
  expect(readFileSync(REQUEST_DOCS, 'utf8')).toBe(requestDocs());
  expect(readFileSync(ERROR_DOCS, 'utf8')).toBe(errorDocs());
});

test('every code that is listed can be thrown, and every option has one that is', () => {
  const sources = readdirSync(at('src'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !/\.test\.ts$|codes\.ts$/.test(path))
    .map((path) => read(join('src', path)))
    .join('\n');
  /** Written out, or put together of its area and a name. */
  const isThrown = (code: string): boolean => {
    const [area, name] = code.split('.');
    return (
      sources.includes(`'${code}'`) || (sources.includes(`\`${area}.\${`) && new RegExp(`'${name}'|^  ${name}: \\{`, 'm').test(sources))
    );
  };
  expect(Object.keys({ ...INPUT_CODES, ...RUNTIME_CODES, ...SHAPE_CODES }).filter((code) => !isThrown(code))).toEqual([]);
  const codesOf = (options: Options): string[] =>
    Object.values(options).flatMap(({ code, entries }) => [code, ...(entries ? codesOf(entries) : [])]);
  const codes = [optionsOf(LIMITS), LIMIT, LIVE_OPTIONS].flatMap(codesOf);
  expect(codes.filter((code) => !Object.hasOwn(INPUT_CODES, code))).toEqual([]);
});
