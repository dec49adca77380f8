// `banana mcp`: tools for an assistant that starts programs and talks to them over standard input and output.
import { Command } from 'commander';
import { narrowed } from '../draw/request.ts';
import { peelFolder, shippedPeels } from '../node/library.ts';
import type { Io } from './io.ts';
import { checkModels, openModels, withModels, type ModelsFlags } from './serving.ts';
import { stoppable } from './shared.ts';

const HELP = `
For a host that reads a file of servers:
  { "mcpServers": { "banana": { "command": "npx", "args": ["-y", "-p", "banana-sdk", "-p", "@modelcontextprotocol/sdk", "banana", "mcp"] } } }
One that takes an address finds the same tools at /mcp of \`banana serve\`.
`;
/** Seconds after which a call is given up. */
const TIMEOUT = 600;
const ROOM = 16;

export function mcpCommand(io: Io): Command {
  return withModels(new Command('mcp').description('tools for assistants (Model Context Protocol), over standard input and output'))
    .addHelpText('after', HELP)
    .action((flags: ModelsFlags) => mcp(flags, io));
}

async function mcp(flags: ModelsFlags, io: Io): Promise<void> {
  checkModels(flags);
  const [{ toolsOverStdio }, { openStudio }, { refusalOf }] = await Promise.all([
    import('../server/mcp.ts'),
    import('../server/studio.ts'),
    import('../server/refusal.ts'),
  ]);
  const limits = narrowed();
  const peels = peelFolder();
  await stoppable(io, async (signal) => {
    const { bananas, close } = await openModels(flags, signal);
    const studio = openStudio(bananas, { limits, room: ROOM, timeout: TIMEOUT });
    try {
      await toolsOverStdio({ studio, peels, refusal: (error) => refusalOf(error, [peels, shippedPeels()]) }, signal);
    } finally {
      await studio.close(0);
      await close();
    }
  });
}
