// What every recipe is told.

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
  /** A checkpoint to start from instead of random weights, where a recipe can. */
  from?: string;
  /** Abilities that a model's rooms were to teach it and that it does not have yet: its file does not claim them. */
  without?: readonly string[];
  log?: (line: string) => void;
}
