import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    globalSetup: './test/build.ts',
    setupFiles: './test/built-engine.ts',
    include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'recipes/**/*.test.ts'],
    reporters: ['default', './scripts/summary.ts'],
    testTimeout: 120_000, // correctness only: nothing here is a timing
    hookTimeout: 120_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
