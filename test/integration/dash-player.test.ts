import { chromium, type Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  DashPresentation,
  serveDash,
  type SegmentRun,
  type Rendition,
} from '../helpers/dash-presentation.ts'
import { FfmpegFixtures } from '../helpers/ffmpeg-fixtures.ts'
import { tracksOf, type CodedTrack } from '../helpers/fmp4-program.ts'

const CHROMIUM = '/usr/bin/chromium'
const QUIET =
  '--no-sandbox --autoplay-policy=no-user-gesture-required --mute-audio --disable-gpu --no-first-run ' +
  '--disable-background-networking --disable-component-update'
const SECOND = 90_000
/** Ten hours into the program. */
const PROGRAM_START = 36_000 * SECOND
const PLAYED_MAX_MS = 60_000

const fixtures = new FfmpegFixtures()
let browser: Browser
let large: CodedTrack[]
let small: CodedTrack[]

const clip = async (size: string, frequency: number): Promise<CodedTrack[]> => {
  const inputs = ['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=25`]
  const tone = ['-f', 'lavfi', '-i', `sine=f=${frequency}:sample_rate=48000`]
  const x264 = [
    '-c:v',
    'libx264',
    '-preset',
    'veryfast',
    '-bf',
    '2',
    '-g',
    '50',
    '-sc_threshold',
    '0',
  ]
  const { bytes } = await fixtures.encode(
    [...inputs, ...tone, ...x264, '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-ac', '2', '-t', '8.2'],
    'ts',
  )
  return tracksOf(bytes)
}

beforeAll(async () => {
  browser = await chromium.launch({ executablePath: CHROMIUM, args: QUIET.split(' ') })
  large = await clip('640x360', 440)
  small = await clip('320x180', 660)
})
afterAll(async () => {
  await browser?.close()
  await fixtures.remove()
})

interface Sampled {
  readonly ms: number
  readonly time: number
  readonly width: number
}

interface Played {
  readonly samples: Sampled[]
  readonly errors: string[]
  readonly requests: readonly string[]
}

const play = async (presentation: DashPresentation, settings = {}): Promise<Played> => {
  const { server, address, mediaStart, requests } = await serveDash(presentation, 6)
  const page = await browser.newPage()
  try {
    await page.goto(address)
    const played = await page.evaluate<Omit<Played, 'requests'>>(`new Promise((resolve) => {
      const video = document.querySelector('video')
      const samples = []
      const errors = []
      const player = dashjs.MediaPlayer().create()
      player.updateSettings(${JSON.stringify(settings)})
      player.on('error', ({ error }) => errors.push(error.code + ': ' + error.message))
      player.initialize(video, '/live/stream.mpd', true)
      const done = () => {
        clearInterval(sampler)
        resolve({ samples, errors })
      }
      const sampler = setInterval(() => {
        const time = video.currentTime - ${mediaStart}
        samples.push({ ms: performance.now(), time, width: video.videoWidth })
        const over = time > ${presentation.length} - 0.3
        if (over || performance.now() > ${PLAYED_MAX_MS}) done()
      }, 40)
    })`)
    return { ...played, requests }
  } finally {
    await page.close()
    server.closeAllConnections()
    server.close()
  }
}

/** Longest time for which the picture stood, from its first movement on. */
const longestStallMs = (samples: readonly Sampled[]): number => {
  let longest = 0
  const begin = samples.findIndex(({ time }, i) => i > 0 && time > samples[i - 1]!.time)
  let moved = samples[begin]!
  for (const sample of samples.slice(begin + 1)) {
    longest = Math.max(longest, sample.ms - moved.ms)
    if (sample.time !== moved.time) moved = sample
  }
  return longest
}

/** In the order in which they were seen. */
const widthsOf = (samples: readonly Sampled[]): number[] =>
  samples.map(({ width }) => width).filter((width, i, all) => width > 0 && width !== all[i - 1])

const segmentsOf = ({ requests }: Played, name: string): number[] => {
  const numbers = requests.map((path) => new RegExp(`/${name}_(\\d{8})\\.m4s`).exec(path)?.[1])
  return [...new Set(numbers.filter((one) => one !== undefined).map(Number))]
}

const rendition = (clip: string, tracks: readonly CodedTrack[], kind: string): Rendition => ({
  clip,
  coded: tracks.find(({ track }) => track.kind === kind)!,
})

/** `seconds`: from the start of the program. */
const piece = (
  [firstNumber, from, count]: readonly [number, number, number],
  seconds: number,
  renditions: SegmentRun['renditions'],
): SegmentRun => ({ firstNumber, from, count, start: PROGRAM_START + seconds * SECOND, renditions })

/** Each test has a page of its own, and mostly waits for media time. */
describe.concurrent('dash.js in Chromium', () => {
  it('plays on where the size changes, and over a hole in time', async () => {
    const renditionsOf = (
      clip: string,
      tracks: readonly CodedTrack[],
    ): SegmentRun['renditions'] => ({
      video: rendition(clip, tracks, 'video'),
      audio: rendition(clip, tracks, 'audio'),
    })
    const presentation = new DashPresentation(
      [
        piece([11, 0, 3], 0, renditionsOf('large', large)),
        // The program was paused for 0.6 s: numbers go on.
        piece([14, 3, 1], 6.6, renditionsOf('large', large)),
        piece([15, 0, 4], 8.6, renditionsOf('small', small)),
      ],
      'first_picture',
    )
    const played = await play(presentation)
    expect(played.errors).toEqual([])
    expect(played.samples.at(-1)!.time).toBeGreaterThan(presentation.length - 0.4)
    expect(widthsOf(played.samples)).toEqual([640, 320])
    expect(segmentsOf(played, 'video').slice(-6)).toEqual([13, 14, 15, 16, 17, 18])
    expect(segmentsOf(played, 'audio').slice(-6)).toEqual([13, 14, 15, 16, 17, 18])
    expect(longestStallMs(played.samples)).toBeLessThan(1_500)
    expect(played.requests).toContain('/time')
  })

  it('plays another rung while one is missing, and returns', async () => {
    const high = rendition('large', large, 'video')
    const low = rendition('small', small, 'video')
    const audio = rendition('large', large, 'audio')
    const presentation = new DashPresentation(
      [
        piece([1, 0, 3], 0, { high, low, audio }),
        piece([4, 3, 1], 6, { high, audio }),
        piece([5, 0, 1], 8, { high, audio }),
        piece([6, 1, 3], 10, { high, low, audio }),
      ],
      'unix',
    )
    const abr = { autoSwitchBitrate: { video: false }, initialBitrate: { video: 1 } }
    const played = await play(presentation, { streaming: { abr } })
    expect(played.errors).toEqual([])
    expect(played.samples.at(-1)!.time).toBeGreaterThan(presentation.length - 0.4)
    expect(widthsOf(played.samples).slice(0, 2)).toEqual([320, 640])
    expect(segmentsOf(played, 'low')).not.toContain(4)
    expect(segmentsOf(played, 'high')).toEqual(expect.arrayContaining([4, 5]))
    expect(longestStallMs(played.samples)).toBeLessThan(1_000)
  })
})
