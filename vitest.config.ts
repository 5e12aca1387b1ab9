import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/globalSetup.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Time-outs are for what never comes: a busy machine is no failure. Two cores: more files at once only make every time-out less meaningful.
    maxWorkers: 2,
    // Nothing is kept in modules that a test could see: what a file has loaded serves the next (half of the CPU).
    isolate: false,
    reporters: ['default'],
  },
})
