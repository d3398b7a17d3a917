import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Real servers on two cores: files share the machine badly, so few at once, and generous limits (speed is measured in bench/).
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 180_000,
    globalSetup: ['test/support/global-setup.ts', 'test/support/kafka-setup.ts'],
  },
});
