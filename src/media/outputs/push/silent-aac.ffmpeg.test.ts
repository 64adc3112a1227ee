import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { silentFrame, SILENT_CONFIG, SILENT_TICKS } from './silent-aac.ts'

const adts = (frame: Uint8Array): Uint8Array => {
  const length = frame.length + 7
  const head = [
    0xff,
    0xf1,
    0x4c,
    0x80 | (length >> 11),
    (length >> 3) & 255,
    ((length & 7) << 5) | 31,
    0xfc,
  ]
  return Uint8Array.from([...head, ...frame])
}

test('a frame is six bytes, and its configuration is AAC LC, 48 kHz, stereo', () => {
  expect(silentFrame().length).toBe(6)
  expect(Buffer.from(SILENT_CONFIG).toString('hex')).toBe('1190')
  expect(SILENT_TICKS).toBe((1024 * 90_000) / 48_000)
})

test('ffmpeg decodes it to 1024 samples of zero in two channels, without a word', () => {
  const input = Buffer.concat(Array.from({ length: 50 }, () => adts(silentFrame())))
  const args = ['-v', 'warning', '-f', 'aac', '-i', 'pipe:0', '-f', 's16le', 'pipe:1']
  const { stdout, stderr } = spawnSync('ffmpeg', args, { input })
  expect(stderr.toString()).toBe('')
  expect(stdout.length).toBe(50 * 1024 * 2 * 2)
  expect(stdout.every((byte) => byte === 0)).toBe(true)
})
