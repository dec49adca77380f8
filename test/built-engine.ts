// An engine that a test starts is the built one (test/build.ts). A test that needs another says so with a mock of its own.
import { vi } from 'vitest';

vi.mock(import('../src/node/entry.ts'), async () => ({ ENTRY: (await import('./build.ts')).built('src/node/engine.ts') }));
