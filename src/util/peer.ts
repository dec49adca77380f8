// Packages that only some need: optional peers of this one, loaded when they are asked for. Who draws without them installs none.
import type { RuntimeCode } from './codes.ts';
import { RuntimeError } from './errors.ts';

/** What was loaded. Throws RuntimeError with this code when a package is not installed; the message says how to bring `packages`. */
export async function peer<T>(loading: Promise<T>, code: RuntimeCode & `${string}.missing`, packages: string): Promise<T> {
  return loading.catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new RuntimeError(code, `a package is not installed that this needs: \`npm install ${packages}\` brings it`, { cause });
  });
}
