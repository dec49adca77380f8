// The errors of the SDK. Three kinds, told apart by who can mend them: the author of a graph (ShapeError), the caller
// or the owner of a file (InputError), the machine (RuntimeError). Each carries a stable `code` to test against; the
// message says where, what was found, what was expected and what to do. Codes are listed in codes.ts.
import type { InputCode, RuntimeCode, ShapeCode } from './codes.ts';

/** Base of every error that the SDK throws on purpose. */
export class BananaError<Code extends string = string> extends Error {
  readonly code: Code;
  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** A graph was built wrongly: operands whose shapes or types do not fit. */
export class ShapeError extends BananaError<ShapeCode> {}

/** An option or a file of the caller is not usable. */
export class InputError extends BananaError<InputCode> {
  /** Which option it is about, such as `references[0].slot`. */
  readonly path?: string;
  constructor(code: InputCode, message: string, options: ErrorOptions & { path?: string | undefined } = {}) {
    super(code, message, options);
    if (options.path !== undefined) this.path = options.path;
  }
}

/** A session or a native part failed; `cause` holds the engine's own error. */
export class RuntimeError extends BananaError<RuntimeCode> {}
