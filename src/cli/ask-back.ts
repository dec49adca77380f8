// A single word that is probably meant as a command: a slip of one of ours, or what another tool calls something. It is asked back,
// not drawn: a prompt has no business to look like a command, and `banana -- WORD` draws any.
import { InputError } from '../util/errors.ts';
import { slips } from '../util/slips.ts';

/** What to do instead of the commands of other tools. Not here: what is as likely a thing to draw (train, stop, pose). */
const ELSEWHERE: readonly (readonly [words: readonly string[], instead: string])[] = [
  [['list', 'ls', 'models', 'ps', 'preset', 'tags'], 'banana presets lists the models, banana peel list the Peels'],
  [['run', 'draw', 'create', 'gen', 'txt2img', 'img2img', 'imagine', 'prompt', 'chat'], 'banana "a red fox" draws'],
  [['pull', 'push', 'install', 'download', 'uninstall', 'update', 'upgrade', 'rm', 'cp', 'login', 'logout'], 'there is nothing to fetch: the model is in the package, others are named with --model FILE'],
  [['server', 'web', 'ui', 'webui', 'api', 'start'], 'banana serve draws for other programs, banana live while you type'],
  [['version', 'v'], 'banana --version tells it'],
  [['show', 'info', 'identify'], 'banana inspect FILE looks into a file'],
  [['add', 'remove', 'merge', 'verify', 'lora', 'peels'], 'banana peel --help tells of Peels'],
  [['init', 'config', 'setup', 'usage', 'man', 'h', '?'], 'banana --help lists the commands'],
];
const INSTEAD = new Map(ELSEWHERE.flatMap(([words, instead]) => words.map((word) => [word, instead] as const)));

/** Throws InputError when a bare word looks like a command. `names` are the commands that there are. */
export function askBack(word: string, names: readonly string[]): void {
  const near = names.find((name) => isSlip(word.toLowerCase(), name));
  const instead = INSTEAD.get(word.toLowerCase()) ?? (near && `did you mean banana ${near}?`);
  if (instead) throw new InputError('command.unknown', `"${word}" is no command; ${instead}; to draw the word: banana -- ${word}`);
}

/** One letter off, two in a long name, or two letters that changed places: a short word has too many neighbours ("lion" is not "live"). */
function isSlip(word: string, name: string): boolean {
  const off = slips(word, name);
  return off <= (name.length > 5 ? 2 : 1) || (off === 2 && sorted(word) === sorted(name));
}

const sorted = (word: string) => [...word].sort().join('');
