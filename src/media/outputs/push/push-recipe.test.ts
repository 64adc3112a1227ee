import { describe, expect, test } from 'vitest'
import type { AudioFormat, VideoFormat } from '../../../contract/format.ts'
import { PushSpec } from '../../../contract/output-spec.ts'
import { planPush, rungOf } from './push-recipe.ts'

const video = (fields: Partial<VideoFormat> = {}): VideoFormat => ({
  codec: 'h264',
  profile: 'high',
  chroma: '4:2:0',
  depth: 8,
  width: 1280,
  height: 720,
  scan: 'progressive',
  ...fields,
})
const audio = (codec: AudioFormat['codec']): AudioFormat => ({
  codec,
  profile: '',
  sampleRate: 48_000,
  channels: 2,
  frameSamples: 1024,
})

const cases = [
  ['auto', video(), audio('aac'), { video: 'copy', audio: 'copy' }],
  ['auto', video(), audio('mp3'), { video: 'copy', audio: 'copy' }],
  ['auto', video(), audio('mp2'), { video: 'copy', audio: 'encode' }],
  ['auto', video(), audio('aac_latm'), { video: 'copy', audio: 'encode' }],
  ['auto', video({ codec: 'hevc' }), audio('aac'), { video: 'encode', audio: 'copy' }],
  ['auto', video({ codec: 'mpeg2video' }), audio('ac3'), { video: 'encode', audio: 'encode' }],
  [
    'auto',
    video({ depth: 10, profile: 'high10' }),
    audio('aac'),
    { video: 'encode', audio: 'copy' },
  ],
  ['auto', video(), undefined, { video: 'copy', audio: 'silence' }],
  ['auto', undefined, audio('aac'), { video: 'none', audio: 'copy' }],
  ['copy', video({ depth: 10 }), audio('mp3'), { video: 'copy', audio: 'copy' }],
  ['encode', video(), audio('aac'), { video: 'encode', audio: 'encode' }],
  ['encode', video(), undefined, { video: 'encode', audio: 'silence' }],
] as const

describe('the plan of the tracks', () => {
  test.each(cases)('%s of %o and %o', (recipe, pictures, audio, plan) => {
    const tracks = { video: pictures, audio: audio, languages: [''] }
    expect(planPush(tracks, PushSpec.parse({ recipe }))).toEqual({ ok: true, plan })
  })

  test.each([
    [video({ codec: 'hevc' }), audio('aac'), /video \(hevc\).*push\.recipe/],
    [video(), audio('ac3'), /audio \(ac3\).*push\.recipe/],
    [undefined, undefined, /neither video nor audio/],
  ])('copy names what it cannot carry, and the setting that helps', (pictures, audio, why) => {
    const tracks = { video: pictures, audio: audio, languages: [] }
    expect(planPush(tracks, PushSpec.parse({ recipe: 'copy' }))).toEqual({
      ok: false,
      why: expect.stringMatching(why),
    })
  })

  test('the rung has the size of the program, or a smaller one, and nothing that is copied', () => {
    const tracks = { video: video(), audio: audio('mp2'), languages: [''] }
    const spec = PushSpec.parse({ height: 1080 })
    expect(rungOf({ video: 'encode', audio: 'encode' }, tracks, spec)).toMatchObject({
      video: {
        height: 720,
        bitrate: 6_000_000,
        bufferSize: 12_000_000,
        keyFrames: { every: 'seconds', seconds: 2 },
      },
      audio: { codec: 'aac', bitrate: 160_000 },
    })
    const odd = { ...tracks, video: video({ height: 577 }) }
    expect(rungOf({ video: 'encode', audio: 'encode' }, odd, spec)).toMatchObject({
      video: { height: 576 },
    })
    expect(rungOf({ video: 'copy', audio: 'encode' }, tracks, spec)?.video).toBe('none')
    expect(rungOf({ video: 'copy', audio: 'silence' }, tracks, spec)).toBeUndefined()
  })
})
