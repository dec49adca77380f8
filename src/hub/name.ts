// Names on the hub: a repository, `org/name` or `org/name@revision`; a revision; a path inside. What comes from the command line or
// from a server becomes part of paths on this disk, so all three are read strictly.
import { InputError } from '../util/errors.ts';

/** A repository of models at a revision: a branch, a tag or a commit. */
export interface ModelName {
  readonly id: string;
  /** Undefined where none was asked for: then it is `main`. */
  readonly revision: string | undefined;
}

const PART = '[A-Za-z0-9](?:[A-Za-z0-9_]|[.-](?![.-]))*(?<![.-])'; // the hub allows neither -- nor .. in a name
const NAME = new RegExp(`^(${PART}/${PART})(?:@(.+))?$`);
const REVISION = /^(?!.*(?:\/|^)\.{1,2}(?:\/|$))[\w.+-]+(?:\/[\w.+-]+)*$/;
const UNSAFE = /[\\\p{Cc}<>:"|?*]/u; // what Windows takes in no name, so that a snapshot means the same everywhere

/** Whether a revision is a commit, which never changes. */
export const isCommit = (revision: string): boolean => /^[0-9a-f]{40}$/.test(revision);

/** Reads `org/name[@revision]`; undefined when it has not that form. */
export function modelName(text: string): ModelName | undefined {
  const [, id, revision] = NAME.exec(text) ?? [];
  if (!id || id.length > 96 || (revision !== undefined && !REVISION.test(revision))) return undefined;
  return { id, revision };
}

/** The same. Throws InputError for another form. */
export function checkedName(text: string): ModelName {
  const found = modelName(text);
  if (!found)
    throw new InputError(
      'hub.name',
      `"${text.replace(/\p{C}/gu, '?').slice(0, 100)}" names no model: expected org/name or org/name@revision`,
    );
  return found;
}

/** Whether a path of a repository stays inside the folder that it is put into. */
export function isInside(path: string): boolean {
  return path.length < 1000 && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..' && !UNSAFE.test(part));
}
