import { describe, expect, it } from 'vitest'
import type { AudioFormat, VideoFormat } from '../../../contract/format.ts'
import { HlsSpec } from '../../../contract/output-spec.ts'
import { ChannelSpec } from '../../../contract/spec.ts'
import { outputId } from '../../../contract/ids.ts'
import type { OutputKind } from '../../outputs/interface/output-kind.ts'
import { hlsKinds } from '../hls-kind.ts'
import { placeOf, planPackaging } from './packaging-plan.ts'

const VIDEO: VideoFormat = {
  ...{ codec: 'h264', profile: 'high', chroma: '4:2:0', depth: 8 },
  ...{ width: 1280, height: 720, frameRate: { num: 25, den: 1 }, scan: 'progressive' },
}
const AUDIO: AudioFormat = {
  ...{ codec: 'aac', profile: 'lc', sampleRate: 48_000, channels: 2, frameSamples: 1_024 },
}
const TRACKS = { video: VIDEO, audio: AUDIO, languages: ['eng'] }

describe('the place of segments', () => {
  it.each([
    ['hls:', {}, 'ts', '/state/hls'],
    ['dash:', {}, 'fmp4', '/state/dash'],
    ['hls:', { container: 'fmp4' }, 'fmp4', '/state/hls'],
    ['dash:', { container: 'fmp4' }, 'fmp4', '/state/hls'],
    ['dash:', { lowLatency: true }, 'fmp4', '/state/hls'],
    ['hls:', { lowLatency: true }, 'fmp4', '/state/hls'],
    ['hls:', { dir: '/srv/live' }, 'ts', '/srv/live'],
    ['dash:', { dir: '/srv/live' }, 'fmp4', '/srv/live/dash'],
    ['hls:/var/live', { dir: '/srv/live' }, 'ts', '/var/live'],
    ['HLS:', { storage: 'memory' }, 'ts', undefined],
  ] as const)('%s with %o: %s in %s', (url, change, container, folder) => {
    expect(placeOf(url, HlsSpec.parse(change), '/state')).toEqual({ container, folder })
  })
})

describe('the ladder', () => {
  const abr = (change: object, tracks = TRACKS) =>
    planPackaging(
      { container: 'ts', folder: undefined },
      HlsSpec.parse({ mode: 'abr', ...change }),
      tracks,
    )

  it('leaves out rungs that are not below the size of the program, and numbers the others contiguously', () => {
    const { rungs, leftOut, audioOnly } = abr({})
    expect(leftOut).toEqual([1080, 720])
    expect(rungs).toMatchObject([
      { name: 'stream_1', video: { height: 576, bitrate: 1_400_000 }, audio: { bitrate: 96_000 } },
    ])
    expect(audioOnly).toBe('with')
  })

  it('has neither rungs nor an audio-only variant in mode copy', () => {
    expect(abr({ mode: 'copy' })).toMatchObject({ rungs: [], leftOut: [], audioOnly: 'without' })
  })

  it('has no rungs without video', () => {
    const plan = planPackaging(
      { container: 'ts', folder: undefined },
      HlsSpec.parse({ mode: 'abr' }),
      { ...TRACKS, video: undefined },
    )
    expect(plan).toMatchObject({ rungs: [], audioOnly: 'without' })
  })
})

describe('parts', () => {
  it.each([
    ['25 frames per second', { num: 25, den: 1 }, 0.5, 0.48],
    ['24 frames per second', { num: 24, den: 1 }, 0.2, 4 / 24],
    ['29.97 frames per second', { num: 30_000, den: 1_001 }, 0.2, 5 * (1_001 / 30_000)],
    ['30 frames per second', { num: 30, den: 1 }, 0.2, 0.2],
    ['2 frames per second', { num: 2, den: 1 }, 0.2, 0.5],
  ])('are whole pictures: %s', (_name, frameRate, partTarget, expected) => {
    const spec = HlsSpec.parse({ lowLatency: true, partTarget })
    const place = { container: 'fmp4', folder: undefined } as const
    const plan = planPackaging(place, spec, { ...TRACKS, video: { ...VIDEO, frameRate } })
    expect(plan.partTicks! / 90_000).toBeCloseTo(expected, 9)
  })

  it('are whole audio frames without video', () => {
    const spec = HlsSpec.parse({ lowLatency: true, partTarget: 0.2 })
    const place = { container: 'fmp4', folder: undefined } as const
    expect(planPackaging(place, spec, { ...TRACKS, video: undefined }).partTicks).toBe(9 * 1_920)
  })
})

describe('fragmented MP4', () => {
  it.each([
    ['MPEG-2 video', { ...TRACKS, video: { ...VIDEO, codec: 'mpeg2video' } }],
    ['AAC in LATM', { ...TRACKS, audio: { ...AUDIO, codec: 'aac_latm' } }],
    ['MPEG audio layer I', { ...TRACKS, audio: { ...AUDIO, codec: 'mp1' } }],
  ] as const)('is refused for %s, with what to set instead', (what, tracks) => {
    const plan = (): unknown =>
      planPackaging({ container: 'fmp4', folder: undefined }, HlsSpec.parse({}), tracks)
    expect(plan).toThrow(`the program has ${what}`)
    expect(plan).toThrow('for HLS hls.container to "ts"')
  })
})

describe('addresses', () => {
  const channel = (hls: object) => ({ channel: ChannelSpec.parse({ hls }), env: {} })
  const [hlsKind, dashKind] = hlsKinds() as [OutputKind, OutputKind]
  const spec = (url: string) => ({ id: outputId('o'), url })

  it.each(['hls:', 'hls:/srv/live', 'HLS:'])('%s is one', (url) => {
    expect(hlsKind.matchesUrl(url)).toBe(true)
    expect(() => hlsKind.checkSpec(spec(url), channel({}))).not.toThrow()
  })

  it.each([
    ['hls:relative', {}, 'absolute path'],
    ['hls://host/path', {}, 'absolute path'],
    ['hls:/srv', { storage: 'memory' }, 'hls.storage is "memory"'],
  ])('%s with %o is refused', (url, hls, why) => {
    expect(() => hlsKind.checkSpec(spec(url), channel(hls))).toThrow(why)
    expect(() => hlsKind.checkSpec(spec(url), channel(hls))).toThrow('output o, url')
  })

  it('dash: is another', () => {
    expect(dashKind.matchesUrl('dash:')).toBe(true)
    expect(dashKind.matchesUrl('hls:')).toBe(false)
  })
})
