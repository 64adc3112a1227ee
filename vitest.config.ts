import { configDefaults, defineConfig } from 'vitest/config'

/** Unit tests that encode real streams with FFmpeg: seconds each, so not part of `npm run check`. */
const MEDIA_TESTS = 'src/**/*.ffmpeg.test.ts'

const integration = (...names: readonly string[]): string[] =>
  names.map((name) => `test/integration/${name}.test.ts`)

/** Integration tests that keep a core busy, mostly with encoders and decoders. The others wait, for sockets and media time. */
const ENCODER_TESTS = integration(
  ...['boundaries', 'cli', 'conformer', 'continuity', 'dash-player', 'ffmpeg', 'ffmpeg-source'],
  ...['mpegts', 'program-encoder', 'record', 'slate'],
)
/** Integration tests of the whole product. */
const WHOLE_TESTS = integration('failover', 'hls-output', 'record-disk', 'rtmp-push')

const REAL = { testTimeout: 120_000, hookTimeout: 60_000 }

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
      { test: { name: 'media', include: [MEDIA_TESTS], maxWorkers: 2, ...REAL } },
      {
        test: {
          name: 'sockets',
          include: ['test/integration/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...ENCODER_TESTS, ...WHOLE_TESTS],
          maxWorkers: 4,
          maxConcurrency: 4,
          ...REAL,
        },
      },
      { test: { name: 'encoders', include: ENCODER_TESTS, maxWorkers: 3, ...REAL } },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts', ...WHOLE_TESTS],
          maxWorkers: 2,
          ...REAL,
          testTimeout: 180_000,
        },
      },
    ],
  },
})
