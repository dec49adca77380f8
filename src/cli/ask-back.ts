// A single word that is probably meant as a command: a slip of one of ours, or what another tool calls something. It is asked back,
// not drawn: a prompt has no business to look like a command, and `banana -- WORD` draws any.
import { InputError } from '../util/errors.ts';
import { slips } from '../util/slips.ts';

/** What to do instead of the commands of other tools. Not here: what is as likely a thing to draw (train, stop, pose). */
const ELSEWHERE: readonly (readonly [words: readonly string[], instead: string])[] = [
  [
    ['list', 'ls', 'ps', 'preset', 'tags'],
    'banana presets lists our models, banana models those that were pulled, banana peel list the Peels',
  ],
  [['run', 'draw', 'create', 'gen', 'txt2img', 'img2img', 'imagine', 'prompt', 'chat'], 'banana "a red fox" draws'],
  [
    ['push', 'install', 'download', 'uninstall', 'update', 'upgrade', 'rm', 'cp', 'login', 'logout'],
    'our model is in the package; banana pull org/name brings another, banana models rm org/name removes it',
  ],
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

/** One letter off, two in a long name, or two letters that changed places, but not the first: a short word has too many neighbours ("lion" is not "live", "bull" not "pull"). */
function isSlip(word: string, name: string): boolean {
  if (word[0] !== name[0]) return false;
  const off = slips(word, name);
  return off <= (name.length > 5 ? 2 : 1) || (off === 2 && sorted(word) === sorted(name));
}

const sorted = (word: string) => [...word].sort().join('');
