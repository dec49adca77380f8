// Tools for assistants (Model Context Protocol): draw a picture, which models and Peels there are. Over standard input and output for a
// host that starts a program, over HTTP for one that knows an address. The SDK is an optional peer of this package: it weighs as much as
// all other parts of the server together, and who draws without assistants needs none of it.
// https://modelcontextprotocol.io/specification
import type { Server } from '@modelcontextprotocol/sdk/server/index.js';
import type { CallToolResult, ProgressNotification, ServerNotification } from '@modelcontextprotocol/sdk/types.js';
import { toJSONSchema } from 'zod/mini';
import { ABOUT, schemaOf, wired, type Options } from '../draw/option.ts';
import { checked } from '../draw/refusal.ts';
import { VERSION } from '../draw/recipe.ts';
import { ELSEWHERE, optionsOf, type GenerateOptions, type Limits } from '../draw/request.ts';
import { listPeels } from '../node/library.ts';
import { drawnFiles } from '../node/index.ts';
import { BananaError } from '../util/errors.ts';
import { MODEL, namedIn } from './models.ts';
import { fromTools } from './peer.ts';
import type { Refusal } from './refusal.ts';
import type { Studio } from './studio.ts';

/** Options of a picture that an assistant can say: no pictures, no previews. */
const SAID = [
  'prompt',
  'negative',
  'style',
  'background',
  'width',
  'height',
  'aspect',
  'seed',
  'steps',
  'count',
  'guidance',
  'peels',
] as const;
/** Pictures of a call: each is a part of an assistant's context. */
const COUNT_MAX = 4;

const toolOptions = (limits: Limits): Options => {
  const options = wired(optionsOf({ ...limits, count: Math.min(COUNT_MAX, limits.count) }));
  return { ...Object.fromEntries(SAID.map((name) => [name, options[name]!])), model: MODEL };
};

export interface ToolDoor {
  readonly studio: Studio;
  readonly peels: string;
  refusal(error: unknown): Refusal;
}

/** What a call is given beside its arguments. */
interface Call {
  readonly signal: AbortSignal;
  /** Tells how far it is, from 0 to `of`. */
  progress(done: number, of: number): Promise<void>;
}

interface Tool {
  readonly description: string;
  readonly inputSchema: (limits: Limits) => object;
  readonly call: (door: ToolDoor, given: unknown, call: Call) => Promise<CallToolResult>;
}

const NOTHING = () => ({ type: 'object', properties: {}, additionalProperties: false });
const said = (value: unknown) => ({ type: 'text' as const, text: JSON.stringify(value) });

const TOOLS: Readonly<Record<string, Tool>> = {
  generate_image: {
    description:
      'Draws pictures from words, on this machine. Returns PNG files, and the seed of each: the same seed gives the same picture.',
    inputSchema: (limits) => toJSONSchema(schemaOf(toolOptions(limits)), { target: 'draft-2020-12', io: 'input', metadata: ABOUT }),
    call: generateImage,
  },
  list_models: {
    description:
      'The models that there are to draw with, the first unless another is named, the styles that each knows and what it can do.',
    inputSchema: NOTHING,
    call: async ({ studio: { models } }) => ({
      content: [
        said({ models: models.all.map(({ model: { name, version, styles, abilities } }) => ({ name, version, styles, abilities })) }),
      ],
    }),
  },
  list_peels: {
    description: 'The Peels (small additions to the model: a style, a subject) that a prompt may name as <peel:NAME:WEIGHT>.',
    inputSchema: NOTHING,
    async call({ peels }) {
      const found = (await listPeels(peels)).peels.map(({ name, info }) => ({
        name,
        triggers: info.triggers,
        description: info.description,
      }));
      return { content: [said({ peels: found })] };
    },
  },
};

async function generateImage({ studio }: ToolDoor, given: unknown, { signal, progress }: Call): Promise<CallToolResult> {
  const name = { name: 'the arguments', example: '{ "prompt": "a fox" }' };
  const by = namedIn(studio.models, given);
  const { model: _, ...asked } = checked(toolOptions(by.limits), given, name, ELSEWHERE) as unknown as GenerateOptions & { model?: string };
  const options = { ...asked, prompt: asked.prompt, preview: 0 };
  const count = options.count ?? 1;
  const files = drawnFiles(options.background !== 'transparent');
  const content: CallToolResult['content'] = [];
  for await (const event of studio.draw({ by, options }, signal).events) {
    files.see(event);
    if (event.type === 'step') await progress(event.index + event.step / (event.steps + 1), count);
    if (event.type !== 'image') continue;
    const { seed, width, height } = event.recipe;
    const data = Buffer.from(await files.file(event, 'png')).toString('base64');
    content.push({ type: 'image', data, mimeType: 'image/png' }, said({ prompt: event.text, seed, width, height }));
  }
  return { content };
}

/** What could not be done is told to the assistant, which may do it better. */
const failed = ({ message }: Refusal): CallToolResult => ({ isError: true, content: [{ type: 'text', text: message }] });

/** A server of these tools, to be connected to a transport. Throws RuntimeError `mcp.missing` where the SDK is not installed. */
export async function toolServer(door: ToolDoor): Promise<Server> {
  const { Server } = await fromTools(import('@modelcontextprotocol/sdk/server/index.js'));
  const { CallToolRequestSchema, ListToolsRequestSchema } = await fromTools(import('@modelcontextprotocol/sdk/types.js'));
  const server = new Server({ name: 'banana', version: VERSION }, { capabilities: { tools: {} } });
  const { limits } = door.studio.models;
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: Object.entries(TOOLS).map(([name, { description, inputSchema }]) => ({
      name,
      description,
      inputSchema: inputSchema(limits) as { type: 'object' },
    })),
  }));
  server.setRequestHandler(
    CallToolRequestSchema,
    async ({ params: { name, arguments: given = {}, _meta } }, { signal, sendNotification }) => {
      const progress = progressOf(_meta?.progressToken, sendNotification);
      if (!Object.hasOwn(TOOLS, name))
        return failed({ status: 404, code: 'tool', message: `no tool "${name}": there are ${Object.keys(TOOLS).join(', ')}` });
      return TOOLS[name]!.call(door, given, { signal, progress }).catch((error: unknown) => {
        if (error instanceof BananaError) return failed(door.refusal(error));
        throw error;
      });
    },
  );
  return server;
}

const progressOf =
  (token: string | number | undefined, send: (notification: ServerNotification) => Promise<void>): Call['progress'] =>
  async (progress, total) => {
    if (token === undefined) return;
    const notification: ProgressNotification = { method: 'notifications/progress', params: { progressToken: token, progress, total } };
    await send(notification);
  };

/** Answers one request over HTTP; nothing is remembered from one to the next. `body`: its JSON. */
export async function toolsOverHttp(door: ToolDoor, request: Request, body: unknown): Promise<Response> {
  const { WebStandardStreamableHTTPServerTransport } = await fromTools(
    import('@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'),
  );
  const server = await toolServer(door);
  const transport = new WebStandardStreamableHTTPServerTransport({});
  await server.connect(transport);
  request.signal.addEventListener('abort', () => void server.close());
  return transport.handleRequest(request, { parsedBody: body });
}

/** Answers on standard input and output until the input ends or the signal is aborted. */
export async function toolsOverStdio(door: ToolDoor, signal: AbortSignal): Promise<void> {
  const { StdioServerTransport } = await fromTools(import('@modelcontextprotocol/sdk/server/stdio.js'));
  const server = await toolServer(door);
  const ended = new Promise<void>((resolve) => {
    process.stdin.once('end', resolve).once('close', resolve);
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await server.connect(new StdioServerTransport());
  await ended;
  await server.close();
}
