// Where the workers of a fleet put pictures and the server finds them: a folder that all of them see, or a bucket of Amazon's S3 or of what
// speaks like it. The SDK of S3 is an optional peer, loaded when a bucket is named; keys, region and address come from its own environment
// variables (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL). A file is there whole or not at all.
import type { S3Client } from '@aws-sdk/client-s3';
import { rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { readFileWhole, writeFileWhole } from '../disk/files.ts';
import { peer } from '../util/peer.ts';
import { InputError, RuntimeError } from '../util/errors.ts';

/** Files by name; folders in a name are divided by /. */
export interface Results {
  has(name: string): Promise<boolean>;
  /** Throws InputError `file.read`, RuntimeError `results.read` when it is not there. */
  read(name: string): Promise<Uint8Array<ArrayBuffer>>;
  /** Throws InputError `file.write`, RuntimeError `results.write`. */
  write(name: string, bytes: Uint8Array): Promise<void>;
  /** Removes what is there of these. */
  remove(names: readonly string[]): Promise<void>;
}

/** The place to use: the given one, that of the environment variable BANANA_RESULTS, or .banana/results in the user's own folder. */
export const resultsPlace = (given?: string): string => given ?? (process.env['BANANA_RESULTS'] || join(homedir(), '.banana', 'results'));

/** Opens a folder, or `s3://BUCKET/PREFIX`. Throws InputError `results.place`, RuntimeError `results.missing`. */
export async function openResults(place: string): Promise<Results> {
  if (!/^[a-z][a-z0-9+.-]+:/i.test(place)) return folderResults(place);
  const [, bucket, prefix = ''] = /^s3:\/\/([a-z0-9.-]{3,63})(?:\/(.*?))?\/?$/.exec(place) ?? [];
  if (bucket === undefined)
    throw new InputError('results.place', `${place} is no place for results: expected a folder or s3://BUCKET/PREFIX`);
  return s3Results(bucket, prefix === '' ? '' : `${prefix}/`);
}

function folderResults(folder: string): Results {
  const at = (name: string) => join(folder, name);
  return {
    has: (name) => stat(at(name)).then(Boolean, () => false),
    read: (name) => readFileWhole(at(name)),
    write: (name, bytes) => writeFileWhole(at(name), bytes),
    async remove(names) {
      for (const name of names) await rm(at(name), { force: true });
    },
  };
}

/** A server that is not Amazon's takes the bucket in the path, any region, and no checksums of its own making. */
function clientOptions(): ConstructorParameters<typeof S3Client>[0] {
  const elsewhere = process.env['AWS_ENDPOINT_URL_S3'] ?? process.env['AWS_ENDPOINT_URL'];
  const checksums = { requestChecksumCalculation: 'WHEN_REQUIRED', responseChecksumValidation: 'WHEN_REQUIRED' } as const;
  return elsewhere ? { ...checksums, forcePathStyle: true, region: process.env['AWS_REGION'] ?? 'us-east-1' } : checksums;
}

async function s3Results(bucket: string, prefix: string): Promise<Results> {
  const s3 = await peer(import('@aws-sdk/client-s3'), 'results.missing', '@aws-sdk/client-s3');
  const client = new s3.S3Client(clientOptions()!);
  const at = (name: string) => ({ Bucket: bucket, Key: prefix + name });
  const failed = (code: 'results.read' | 'results.write', name: string) => (cause: Error) => {
    throw new RuntimeError(code, `s3://${bucket}/${prefix}${name}: ${cause.message || cause.name}`, { cause });
  };
  const isAbsent = (error: { $metadata?: { httpStatusCode?: number } }) => error.$metadata?.httpStatusCode === 404;
  return {
    has: (name) =>
      client.send(new s3.HeadObjectCommand(at(name))).then(
        () => true,
        (error: Error) => (isAbsent(error as object) ? false : failed('results.read', name)(error)),
      ),
    async read(name) {
      const { Body } = await client.send(new s3.GetObjectCommand(at(name))).catch(failed('results.read', name));
      return new Uint8Array(await Body!.transformToByteArray().catch(failed('results.read', name)));
    },
    async write(name, bytes) {
      await client.send(new s3.PutObjectCommand({ ...at(name), Body: bytes })).catch(failed('results.write', name));
    },
    async remove(names) {
      for (const name of names) await client.send(new s3.DeleteObjectCommand(at(name))).catch(failed('results.write', name));
    },
  };
}
