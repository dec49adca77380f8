// Where models are kept and where they come from: the environment variables of the Python library huggingface_hub, with its own
// rules and defaults, so that both find the same files. Nothing is read from the network here.
// https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '../util/errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Place {
  /** Folder of the cache. */
  readonly cache: string;
  /** Address of the hub, without a slash at its end. */
  readonly endpoint: string;
  /** What to show as who one is; undefined: nobody. */
  readonly token: string | undefined;
  /** Nothing may be asked for over the network. */
  readonly offline: boolean;
  /** Snapshots hold links to blobs; else the files themselves. */
  readonly links: boolean;
}

const TRUE = /^(1|on|yes|true)$/i;
const PUBLIC = 'https://huggingface.co';

/** The place that the environment names. */
export function placeOf(env: Environment = process.env): Place {
  const flag = (name: string) => TRUE.test(env[name] ?? '');
  const home = expanded(env['HF_HOME'] || join(env['XDG_CACHE_HOME'] || join('~', '.cache'), 'huggingface'), env);
  return {
    cache: expanded(env['HF_HUB_CACHE'] || env['HUGGINGFACE_HUB_CACHE'] || join(home, 'hub'), env),
    endpoint: checkedEndpoint(env['HF_ENDPOINT'] || PUBLIC),
    token: flag('HF_HUB_DISABLE_IMPLICIT_TOKEN') ? undefined : tokenIn(env, home),
    offline: flag('HF_HUB_OFFLINE') || flag('TRANSFORMERS_OFFLINE'),
    links: !flag('HF_HUB_DISABLE_SYMLINKS'),
  };
}

const expanded = (path: string, env: Environment): string => path.replace(/^~(?=$|[/\\])/, () => env['HOME'] || homedir());

function checkedEndpoint(text: string): string {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text))
    throw new InputError('hub.endpoint', `HF_ENDPOINT is "${text}": expected an address such as ${PUBLIC}`);
  return text.replace(/\/+$/, '');
}

/** The token of the environment, else of the file that `hf auth login` writes. */
function tokenIn(env: Environment, home: string): string | undefined {
  const given = env['HF_TOKEN'] || env['HUGGING_FACE_HUB_TOKEN'];
  const path = env['HF_TOKEN_PATH'] ? expanded(env['HF_TOKEN_PATH'], env) : join(home, 'token');
  return (given ?? (existsSync(path) ? readFileSync(path, 'utf8') : '')).trim() || undefined;
}
