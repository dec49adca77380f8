// OpenAI's interface asked by the stock client of PyPI: nothing of it is changed but the base URL. BANANA_PYTHON names a Python that has
// the package; where none has, this is skipped and says so.
import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fakeBanana, pictureOf } from '../../test/fake-banana.ts';
import { decodeImage } from '../disk/codec.ts';
import { narrowed } from '../draw/request.ts';
import { serve, type BananaServer } from './listen.ts';

const python = process.env['BANANA_PYTHON'] || 'python3';
const hasClient = spawnSync(python, ['-c', 'import openai']).status === 0;
if (!hasClient) console.warn(`skipped: ${python} has no package openai; pip install openai brings it`);

/** All that is asked, in one process; what was answered, as JSON. */
const PROGRAM = `
import base64, json, sys
from openai import OpenAI, NotFoundError, BadRequestError
client = OpenAI(base_url=sys.argv[1] + "/v1", api_key="any", max_retries=0)
small = dict(prompt="a red fox", size="96x64", model="fake")
out = {"models": [m.id for m in client.models.list()]}
drawn = client.images.generate(**small, n=2, extra_body={"seed": 7})
out["drawn"] = [one.b64_json for one in drawn.data]
out["usage"] = drawn.usage.output_tokens
picture = base64.b64decode(drawn.data[0].b64_json)
out["edited"] = client.images.edit(image=("x.png", picture, "image/png"), prompt="at night", size="96x64").data[0].b64_json
out["events"] = [e.type for e in client.images.generate(**small, stream=True, partial_images=2, quality="high")]
for name, request, error in [("unknown", dict(small, model="none"), NotFoundError), ("wrong", dict(small, size="1x1"), BadRequestError)]:
    try:
        client.images.generate(**request)
    except error as found:
        out[name] = [found.status_code, found.code]
print(json.dumps(out))
`;

interface Answers {
  readonly models: string[];
  readonly drawn: string[];
  readonly usage: number;
  readonly edited: string;
  readonly events: string[];
  readonly unknown: [number, string];
  readonly wrong: [number, string];
}

const banana = fakeBanana();
let server: BananaServer;
beforeAll(async () => void (server = await serve(banana, { port: 0, limits: narrowed({ count: 10 }) })));
afterAll(() => server.close());

test.skipIf(!hasClient)('the client of PyPI: models, pictures, an edit, a stream, errors', { timeout: 120_000 }, async () => {
  const { stdout } = await promisify(execFile)(python, ['-c', PROGRAM, server.url], { maxBuffer: 2 ** 24 });
  const { drawn, edited, ...told } = JSON.parse(stdout) as Answers;
  const decoded = (text: string) => decodeImage(Buffer.from(text, 'base64'));
  expect(await Promise.all(drawn.map(decoded))).toEqual([pictureOf(7, 96, 64), pictureOf(8, 96, 64)]);
  expect(await decoded(edited)).toMatchObject({ width: 96, height: 64 });
  expect(told).toEqual({
    models: ['fake'],
    usage: 2 * banana.model.tokens,
    events: ['image_generation.partial_image', 'image_generation.partial_image', 'image_generation.completed'],
    unknown: [404, 'model_not_found'],
    wrong: [400, 'size.side'],
  });
});
