// The weights of a pipeline that an adapter may be for, and every name that files give them. The names are made from our modules, dots
// to underscores where a tool does so: underscores cannot be read back.
import { sgmNames } from './sgm.ts';

export const COMPONENTS = ['unet', 'transformer', 'text_encoder', 'text_encoder_2'] as const;
export type ComponentName = (typeof COMPONENTS)[number];

/** Shapes of weights by module, as diffusers calls both: [out, in] or [out, in, height, width]. */
export type Modules = ReadonlyMap<string, readonly number[]>;
export type Components = Readonly<Partial<Record<ComponentName, Modules>>>;

export interface Target {
  readonly component: ComponentName;
  readonly module: string;
  readonly shape: readonly number[];
}

interface Naming {
  /** What stands before a module whose dots stay. */
  readonly dotted: readonly string[];
  /** What stands before one whose dots became underscores. */
  readonly joined: readonly string[];
}

const DENOISER: Naming = {
  dotted: ['unet.', 'transformer.', 'base_model.model.', 'diffusion_model.', 'model.diffusion_model.', 'base_model.model.unet.', ''],
  joined: ['lora_unet_', 'lora_transformer_', 'lycoris_', ''],
};

const NAMINGS: Readonly<Record<ComponentName, Naming>> = {
  unet: DENOISER,
  transformer: DENOISER,
  text_encoder: {
    dotted: ['text_encoder.', 'text_encoders.clip_l.transformer.', 'base_model.model.', 'base_model.model.text_encoder.', ''],
    joined: ['lora_te_', 'lora_te1_'],
  },
  text_encoder_2: { dotted: ['text_encoder_2.', 'text_encoders.clip_g.transformer.'], joined: ['lora_te2_'] },
};

/** Which component a module of a file is for, by what its name begins with; the denoiser where nothing says. */
export function componentOf(module: string, components: Components): ComponentName {
  if (/^(lora_te2_|text_encoder_2\.|text_encoders\.clip_g\.)/.test(module)) return 'text_encoder_2';
  if (/^(lora_te1?_|text_encoder\.|text_encoders\.|text_model\.)/.test(module)) return 'text_encoder';
  return components.transformer ? 'transformer' : 'unet';
}

/** Names of a module itself: as here, as in a single file, with or without its outer name. */
function spellings(component: ComponentName, modules: Modules): (module: string) => string[] {
  if (component === 'unet') {
    const sgm = sgmNames(modules.keys());
    return (module) => [module, sgm(module) ?? module];
  }
  const outer = OUTER[component];
  return (module) => [module, module.startsWith(outer) ? module.slice(outer.length) : outer + module];
}

/** What a component's own names begin with in some tools and not in others. */
const OUTER = { transformer: 'transformer.', text_encoder: 'text_model.', text_encoder_2: 'text_model.' } as const;

/** A function from a file's module to the weight that it is for; undefined where there is none. */
export function targetFinder(components: Components): (module: string) => Target | undefined {
  const finders = COMPONENTS.flatMap((component) => (components[component] ? [finderIn(component, components[component])] : []));
  return (module) => {
    for (const find of finders) {
      const found = find(module);
      if (found) return found;
    }
    return undefined;
  };
}

function finderIn(component: ComponentName, modules: Modules): (module: string) => Target | undefined {
  const names = { dotted: new Map<string, Target>(), joined: new Map<string, Target>() };
  const spelled = spellings(component, modules);
  for (const [module, shape] of modules) {
    const target = { component, module, shape };
    for (const name of spelled(module)) {
      names.dotted.set(name, target);
      names.joined.set(name.replaceAll('.', '_'), target);
    }
  }
  return (module) => {
    for (const kind of ['dotted', 'joined'] as const)
      for (const prefix of NAMINGS[component][kind]) {
        const found = module.startsWith(prefix) ? names[kind].get(module.slice(prefix.length)) : undefined;
        if (found) return found;
      }
    return undefined;
  };
}
