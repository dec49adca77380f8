// `banana mcp`: tools for an assistant that starts programs and talks to them over standard input and output.
import { Command } from 'commander';
import { narrowed } from '../draw/request.ts';
import { peelFolder, shippedPeels } from '../node/library.ts';
import { modelPath } from '../node/models.ts';
import type { Io } from './io.ts';
import { openEngine, stoppable, withEngine, type EngineFlags } from './shared.ts';

const HELP = `
For a host that reads a file of servers:
  { "mcpServers": { "banana": { "command": "npx", "args": ["-y", "-p", "banana-sdk", "-p", "@modelcontextprotocol/sdk", "banana", "mcp"] } } }
One that takes an address finds the same tools at /mcp of \`banana serve\`.
`;
/** Seconds after which a call is given up. */
const TIMEOUT = 600;
const ROOM = 16;

export function mcpCommand(io: Io): Command {
  return withEngine(new Command('mcp').description('tools for assistants (Model Context Protocol), over standard input and output'))
    .addHelpText('after', HELP)
    .action((flags: EngineFlags) => mcp(flags, io));
}

async function mcp(flags: EngineFlags, io: Io): Promise<void> {
  modelPath(flags.model ?? flags.preset);
  const [{ toolsOverStdio }, { openStudio }, { refusalOf }] = await Promise.all([
    import('../server/mcp.ts'),
    import('../server/studio.ts'),
    import('../server/refusal.ts'),
  ]);
  const limits = narrowed();
  const peels = peelFolder();
  await stoppable(io, async (signal) => {
    const banana = await openEngine(flags, signal);
    const studio = openStudio(banana, { limits, room: ROOM, timeout: TIMEOUT });
    try {
      await toolsOverStdio({ studio, peels, refusal: (error) => refusalOf(error, [peels, shippedPeels()]) }, signal);
    } finally {
      await studio.close(0);
      await banana.close();
    }
  });
}
