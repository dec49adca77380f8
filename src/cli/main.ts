#!/usr/bin/env node
// The file that the command `banana` starts: see run.ts.
import { processIo } from './io.ts';
import { run } from './run.ts';

process.exitCode = await run(process.argv.slice(2), processIo);
