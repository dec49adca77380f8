// What a Stable Diffusion model consists of, for `banana doctor`, and which of its matrices `banana import` may round.
import { planOf } from '../../quant/plan.ts';
import type { ModelPart } from '../family.ts';
import { modelPart } from '../model-part.ts';
import type { Stage } from '../stage.ts';
import { hasEncoder } from './networks.ts';
import type { Components } from './part.ts';
import { decodeStage, encodeStage, textStage, unetStage } from './stages.ts';

const textStages = ({ texts }: Components): Stage[] =>
  texts.map(({ config, weights }) => textStage(config, weights.names, texts.length > 1));

/** Its networks against its files. */
export function partsOf(components: Components): ModelPart[] {
  const { unet, texts, pictures } = components;
  const read = textStages(components);
  return [
    ...texts.map(({ weights }, i) => modelPart(`text encoder${i > 0 ? ` ${i + 1}` : ''}`, [read[i]!], weights)),
    modelPart('U-Net', [unetStage(unet.config)], unet.weights),
    modelPart('autoencoder', [decodeStage(pictures), ...(hasEncoder(pictures) ? [encodeStage(pictures)] : [])], pictures.weights),
  ];
}

/** Matrices of the U-Net and the text encoders by name in diffusers' folder. */
export function roundable(components: Components): ReadonlySet<string> {
  const stages: [folder: string, Stage][] = [
    ['unet', unetStage(components.unet.config)],
    ...textStages(components).map((stage, i): [string, Stage] => [`text_encoder${i > 0 ? `_${i + 1}` : ''}`, stage]),
  ];
  const matrices = ({ specs }: Stage) =>
    Object.keys(
      planOf(
        [...specs].filter(([, { turned }]) => turned),
        8,
      ),
    );
  return new Set(stages.flatMap(([folder, stage]) => matrices(stage).map((name) => `${folder}/${name}`)));
}
