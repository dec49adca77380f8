// Nitro-E as the pipeline asks for it (family.ts). The distilled model draws in four steps without guidance, the other in twenty with.
// Not here: pictures to start from, adapters, the many ways in which its authors' code cleans a prompt - it is lower-cased and trimmed.
import type { Size } from '../../image/image.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { Grid } from '../../sampling/noise.ts';
import { euler } from '../../sampling/sampler.ts';
import { flowTimes } from '../../sampling/schedule.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { Condition, Family, ModelAbout, ModelInfo, OpenedModel, Painter, PainterOptions } from '../family.ts';
import { canvasOf, latentGrid, tokensOf, type Layout } from '../layout.ts';
import { glancer } from '../glance.ts';
import { rasterDrawing } from '../raster.ts';
import { SIDE, type EmmditConfig } from './emmdit-config.ts';
import { matricesOf, openNetworks, partsOf, TOKENS } from './networks.ts';
import { isNitro, nitroParts, prefixOf, type NitroParts } from './parts.ts';

/** What its authors draw with (Nitro-E's README). */
const DISTILLED = { steps: [1, 2, 3, 4, 6, 8], defaultSteps: 4, guidance: 1, abilities: [] } as const;
const WHOLE = { steps: [8, 10, 12, 16, 20, 25, 30, 40, 50], defaultSteps: 20, guidance: 4.5, abilities: ['guidance'] } as const;

export const nitro = {
  name: 'nitro',
  assembled: true,
  recognises: isNitro,
  open(file, source): OpenedModel {
    const parts = nitroParts(file, source);
    return {
      id: { name: parts.name, version: '', preset: presetOf(parts) },
      about: aboutOf(parts),
      parts: () => partsOf(parts),
      roundable: () => roundable(parts),
      painter: (runtime, options) => openPainter(parts, runtime, options),
    };
  },
} as const satisfies Family;

function roundable(parts: NitroParts): ReadonlySet<string> {
  const matrices = matricesOf(parts);
  const named = (part: 'text' | 'denoiser') => Object.keys(matrices[part]).map((name) => prefixOf(parts.places[part]) + name);
  return new Set([...named('text'), ...named('denoiser')]);
}

const mannerOf = ({ distilled }: NitroParts) => (distilled ? DISTILLED : WHOLE);
const layoutOf =
  ({ denoiser: { config } }: NitroParts) =>
  (size: Size, detail: number): Layout =>
    canvasOf(gridOf(size, detail, config), config.channels);
const aboutOf = (parts: NitroParts): ModelAbout => ({
  ...{ family: 'nitro', styles: [], ...mannerOf(parts) },
  tokens: tokensOf(layoutOf(parts)({ width: 512, height: 512 }, 1)),
  promptTokens: TOKENS,
  referencePixels: 0,
});
const presetOf = ({ distilled }: NitroParts): string => (distilled ? 'distilled' : 'whole');

/** Makes a model ready on a runtime. Throws InputError for weights that do not fit. */
async function openPainter(parts: NitroParts, runtime: Runtime, { hash, precision }: PainterOptions): Promise<Painter> {
  const networks = await openNetworks(runtime, parts, precision);
  const layout = layoutOf(parts);
  const glance = glancer(parts.denoiser.config.channels, ({ shape: [, rows = 1, columns = 1], data }) =>
    networks.pixels(data, { rows, columns }),
  );
  const gridIn = ([canvas]: Layout): Grid => canvas!;
  const tokens = (text: string) => parts.tokenizer.tokens(text.toLowerCase().trim());
  const features = (text: string) => networks.features(tokens(text).slice(0, TOKENS));
  let nothing: Promise<Tensor> | undefined; // the features of no text, for guidance
  const info: ModelInfo = {
    ...aboutOf(parts),
    ...{ name: parts.name, version: '', hash, preset: presetOf(parts) },
    runtime: runtime.name,
    precision: networks.precision,
  };
  return {
    info,
    tokensIn: (text) => tokens(text).length,
    async read(text): Promise<Condition> {
      const seen = await features(text);
      return {
        states: { features: seen },
        layout,
        velocity:
          (canvas, { guidance, signal }) =>
          async (x, t) => {
            const unguided = guidance > 1 ? await (nothing ??= features('')) : undefined;
            return networks.velocity(seen, gridIn(canvas), { guidance, signal, ...(unguided && { unguided }) })(x, t);
          },
      };
    },
    sampler: euler,
    times: flowTimes,
    decode: async (latent, canvas) => rasterDrawing(await networks.pixels(latent, gridIn(canvas))),
    glance: async (latent, canvas) => rasterDrawing(await glance(latent, gridIn(canvas))),
    release: () => networks.release(),
  };
}

/**
 * Cells of a picture. A model that attends by regions was trained on one square and knows no other number of cells: the picture is
 * cut from it. Another takes as many cells as it was trained on, in the picture's shape.
 */
function gridOf(size: Size, detail: number, { regions, cells, table }: EmmditConfig): Grid {
  if (regions) return { rows: cells, columns: cells };
  const { rows, columns } = latentGrid(size, Math.max(1, (cells / SIDE) ** 2 * detail));
  const most = Math.floor(table / SIDE);
  return { rows: Math.min(rows, most) * SIDE, columns: Math.min(columns, most) * SIDE };
}
