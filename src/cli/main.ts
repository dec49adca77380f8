#!/usr/bin/env node
// The file that the command `banana` starts: see run.ts. Loaded after the look at Node's version, since what comes with it may not
// even parse on an older one.
const [major] = process.versions.node.split('.').map(Number);
if (major! < 20) {
  process.stderr.write(`error: banana needs Node 20 or later, this is ${process.versions.node}\n`);
  process.exitCode = 1;
} else {
  const [{ processIo }, { run }] = await Promise.all([import('./io.ts'), import('./run.ts')]);
  const io = processIo();
  process.exitCode = await io.end(await run(process.argv.slice(2), io));
}

export {};
