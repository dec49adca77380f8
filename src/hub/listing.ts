// What the hub says of a repository: its commit, licence and files with their hashes. Read strictly: paths and hashes become names
// on this disk.
import { RuntimeError } from '../util/errors.ts';
import type { RemoteFile } from './choose.ts';
import { licenceOf, type Licence } from './licence.ts';
import { isCommit, isInside } from './name.ts';
import { ask, type Asker } from './request.ts';

export interface HubFile extends RemoteFile {
  /** SHA-256 of a large file; else git's SHA-1 of its content. Python calls the blob so too. */
  readonly hash: string;
}

export interface Repository {
  /** Its name now: other than asked for where it has moved. */
  readonly id: string;
  readonly commit: string;
  readonly gated: boolean;
  readonly licence: Licence;
  readonly files: readonly HubFile[];
}

interface Sibling {
  rfilename?: unknown;
  size?: unknown;
  blobId?: unknown;
  lfs?: { sha256?: unknown; size?: unknown } | null;
}

/** Whether a text is a hash that the hub gives: of git, or SHA-256. */
export const isHash = (text: unknown): text is string => typeof text === 'string' && /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(text);

/** Asks the hub for a repository at a revision. Throws as `ask` does, and RuntimeError `hub.answer` when what comes is no such answer. */
export async function repository(asker: Asker, id: string, revision: string, signal?: AbortSignal): Promise<Repository> {
  const what = `${id} at ${revision}`;
  const response = await ask(asker, `/api/models/${id}/revision/${encodeURIComponent(revision)}?blobs=true`, { what, signal });
  const wrong = (why: string) =>
    new RuntimeError(
      'hub.answer',
      `${what}: ${new URL(asker.endpoint).host} answers ${why}; is HF_ENDPOINT right, or does this network want a sign-in?`,
    );
  const data = (await response.json().catch(() => {
    throw wrong(`with ${response.headers.get('content-type') ?? 'something'} that is no JSON`);
  })) as Record<string, unknown>;
  const { sha, siblings, gated, cardData } = data;
  if (typeof sha !== 'string' || !isCommit(sha) || !Array.isArray(siblings)) throw wrong('without a commit and its files');
  const files = await Promise.all(siblings.map((sibling) => fileOf(asker, id, sha, sibling as Sibling, signal)));
  return {
    id: typeof data.id === 'string' ? data.id : id,
    commit: sha,
    gated: gated !== undefined && gated !== false,
    licence: licenceOf(typeof cardData === 'object' && cardData !== null ? (cardData as Record<string, unknown>) : {}),
    files,
  };
}

/** Address of a file below the hub's. */
export const filePath = (id: string, commit: string, path: string): string =>
  `/${id}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`;

async function fileOf(
  asker: Asker,
  id: string,
  commit: string,
  { rfilename: path, size, blobId, lfs }: Sibling,
  signal?: AbortSignal,
): Promise<HubFile> {
  if (typeof path !== 'string' || !isInside(path))
    throw new RuntimeError('hub.answer', `${id}: a file is called ${JSON.stringify(path)}: that is no path inside it`);
  const hash = lfs?.sha256 ?? blobId;
  const bytes = lfs?.size ?? size;
  if (isHash(hash) && Number.isSafeInteger(bytes)) return { path, size: bytes as number, hash };
  return headOf(asker, id, commit, path, signal); // a mirror that lists names only
}

async function headOf(asker: Asker, id: string, commit: string, path: string, signal?: AbortSignal): Promise<HubFile> {
  const what = `${path} of ${id}`;
  const { headers } = await ask(asker, filePath(id, commit, path), { method: 'HEAD', what, signal });
  const hash = (headers.get('x-linked-etag') ?? headers.get('etag') ?? '').replace(/^(W\/)?"?|"$/g, '');
  const size = Number(headers.get('x-linked-size') ?? headers.get('content-length') ?? NaN);
  if (!isHash(hash) || !Number.isSafeInteger(size)) throw new RuntimeError('hub.answer', `${what}: the hub does not say its hash and size`);
  return { path, size, hash };
}
