import { configDefaults, defineConfig } from 'vitest/config'

/** Unit tests that encode real streams with FFmpeg: seconds each, so not part of `npm run check`. */
const MEDIA_TESTS = 'src/**/*.ffmpeg.test.ts'

/** Integration tests that keep a core busy, mostly with encoders and decoders. The others wait, for sockets and media time. */
const ENCODER_TESTS = [
  'boundaries',
  'cli',
  'conformer',
  'continuity',
  'dash-player',
  'failover',
  'ffmpeg',
  'ffmpeg-source',
  'hls-output',
  'mpegts',
  'program-encoder',
  'record',
  'record-disk',
  'rtmp-push',
  'slate',
].map((name) => `test/integration/${name}.test.ts`)

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
          exclude: [...configDefaults.exclude, ...ENCODER_TESTS],
          maxWorkers: 6,
          ...REAL,
        },
      },
      { test: { name: 'encoders', include: ENCODER_TESTS, maxWorkers: 3, ...REAL } },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          maxWorkers: 2,
          ...REAL,
          testTimeout: 180_000,
        },
      },
    ],
  },
})
