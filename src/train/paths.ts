// What every recipe is told, and where the parts of a run lie.

/** What every recipe is told; each has its own defaults for the rest. */
export interface RecipeOptions {
  preset: string;
  /** Folder of the run; default runs/PRESET. */
  run?: string;
  seed?: number;
  /** Optimizer steps, and seconds, after which training ends: whichever comes first. */
  steps?: number;
  seconds?: number;
  batch?: number;
  rate?: number;
  /** Processes that draw at the same time. */
  processes?: number;
  /** Which part of a network, where a recipe can train one alone. */
  part?: string;
  /** A file of weights to start from instead of random ones, where a recipe can: another run's, say, whose data or latents were others. */
  from?: string;
  /** Weight of a discriminator, where a recipe can have one. */
  adversary?: number;
  /** Abilities that a model's rooms were to teach it and that it does not have yet: its file does not claim them. */
  without?: readonly string[];
  log?: (line: string) => void;
}

/** Where the judges of a preset may lie: its run's, then those that are shipped. */
export const judgesOf = (name: string, run: string): string[] => [`${run}/judges.safetensors`, `models/${name}-judges.safetensors`];

/** Where the parts of a run lie. */
export function pathsOf({
  preset: name,
  run = `runs/${name}`,
}: RecipeOptions): Record<'run' | 'data' | 'tokenizer' | 'autoencoder' | 'latents' | 'teacher' | 'student' | 'log', string> {
  const at = (file: string) => `${run}/${file}`;
  return {
    run,
    data: at('data'),
    tokenizer: at('tokenizer.json'),
    autoencoder: at('autoencoder.safetensors'),
    latents: at('latents.safetensors'),
    teacher: at('teacher.safetensors'),
    student: at('student.safetensors'),
    log: at('log'),
  };
}
