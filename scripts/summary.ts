// A vitest reporter that ends the output with one plain line, "N passed, N failed, N skipped", for scripts and CI to read.
import type { Reporter, TestModule } from 'vitest/node';

class Summary implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const count = { passed: 0, failed: errors.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      for (const test of module.children.allTests()) count[test.result().state]++;
      if (module.state() === 'failed' && module.errors().length > 0) count.failed++; // the file itself did not load
    }
    // After the other reporters have written theirs.
    process.on('exit', () =>
      console.log(`${count.passed} passed, ${count.failed} failed${count.skipped ? `, ${count.skipped} skipped` : ''}`),
    );
  }
}

export { Summary as default };
