import { configDefaults, defineConfig } from 'vitest/config'

/** Unit tests that encode real streams with FFmpeg: seconds each, so not part of `npm run check`. */
const MEDIA_TESTS = 'src/**/*.ffmpeg.test.ts'

// Real processes, sockets and clocks: one file at a time, so that a busy machine does not fail what is right. Integration
// tests mostly wait, for sockets and for media time: two at a time.
const ONE_BY_ONE = { fileParallelism: false, hookTimeout: 60_000 }

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts'],
          exclude: [...configDefaults.exclude, MEDIA_TESTS],
          testTimeout: 20_000,
          // Every module is free of state, so files may share one context.
          isolate: false,
        },
      },
      { test: { name: 'media', include: [MEDIA_TESTS], testTimeout: 120_000, ...ONE_BY_ONE } },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 180_000,
          ...ONE_BY_ONE,
        },
      },
    ],
  },
})
