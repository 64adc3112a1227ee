import { describe, expect, test } from 'vitest'
import { aacFrame, aacHeader, avcHeader, avcPicture, mp3Frame } from './flv-tags.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const BODY = Uint8Array.of(0xaa, 0xbb)

describe('tag bodies', () => {
  test.each([
    ['the configuration of AVC', avcHeader(BODY), '1700000000aabb'],
    [
      'a random access point',
      avcPicture({ rap: 'key', compositionMs: 80, sample: BODY }),
      '1701000050aabb',
    ],
    [
      'another picture',
      avcPicture({ rap: 'other', compositionMs: 0, sample: BODY }),
      '2701000000aabb',
    ],
    [
      'a long composition time',
      avcPicture({ rap: 'other', compositionMs: 0x12345, sample: BODY }),
      '2701012345aabb',
    ],
    [
      'a composition time below zero, in 24 bits',
      avcPicture({ rap: 'other', compositionMs: -40, sample: BODY }),
      '2701ffffd8aabb',
    ],
    ['the configuration of AAC', aacHeader(BODY), 'af00aabb'],
    ['a frame of AAC', aacFrame(BODY), 'af01aabb'],
    ['MP3 in stereo', mp3Frame(BODY, { sampleRate: 48_000, channels: 2 }), '2faabb'],
    ['MP3 at 22.05 kHz in mono', mp3Frame(BODY, { sampleRate: 22_050, channels: 1 }), '2aaabb'],
    ['MP3 at 8 kHz', mp3Frame(BODY, { sampleRate: 8_000, channels: 1 }), 'e2aabb'],
  ])('%s', (_, tag, expected) => {
    expect(hex(tag)).toBe(expected)
  })
})
