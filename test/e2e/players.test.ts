import { execFileSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { readFileSync, statSync } from 'node:fs'
import { chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FLAWLESS, verdictOf } from '../helpers/capture-verdict.ts'
import { E2eBench, seconds } from '../helpers/e2e-bench.ts'
import { freePort } from '../helpers/ffmpeg-tools.ts'
import { isLongForm } from '../helpers/long-form.ts'
import { analyze } from '../helpers/oracles.ts'
import type { RunningSluice } from '../helpers/running-sluice.ts'

const CHROMIUM = '/usr/bin/chromium'
const QUIET =
  '--no-sandbox --autoplay-policy=no-user-gesture-required --mute-audio --disable-gpu --no-first-run ' +
  '--disable-background-networking --disable-component-update'
const SOURCES = [
  ...['-s', 'one=test:?size=320x180&rate=25&bframes=2'],
  ...['-s', 'two=bars:?size=160x90&rate=30'],
  ...['-s', 'three=text:Third source?size=320x180&rate=25'],
]

const TAKES = isLongForm ? 10 : 5

let bench: E2eBench
let sluice: RunningSluice
beforeAll(async () => {
  bench = new E2eBench()
  sluice = await bench.sluice(...SOURCES, '-o', `file=${bench.path('program.ts')}`)
  await sluice.ready('one', 'two', 'three')
})
afterAll(() => bench.close())

interface Playback {
  /** Media seconds per second. */
  readonly rate: number
  readonly longestStallMs: number
}

/** Samples the picture's time while `during` runs. */
const playbackOf = async (page: Page, during: () => Promise<void>): Promise<Playback> => {
  await page.evaluate(`
    window.samples = []
    window.sampler = setInterval(
      () => window.samples.push([performance.now(), document.querySelector('video').currentTime]), 50)`)
  await during()
  const samples = await page.evaluate<[number, number][]>('window.samples')
  let longestStallMs = 0
  let moved = samples[0]!
  for (const sample of samples) {
    if (sample[1] > moved[1]) moved = sample
    else longestStallMs = Math.max(longestStallMs, sample[0] - moved[0])
  }
  const [first, last] = [samples[0]!, samples.at(-1)!]
  return { rate: ((last[1] - first[1]) * 1_000) / (last[0] - first[0]), longestStallMs }
}

/** The page's own policy forbids what `waitForFunction` does. */
const played = async (page: Page): Promise<void> => {
  for (let i = 0; i < 100; i++) {
    if ((await page.evaluate<number>("document.querySelector('video').currentTime")) > 1) return
    await seconds(0.1)
  }
  throw new Error('the page does not play')
}

const take = async (id: string): Promise<void> => {
  expect(await sluice.take(id)).toMatchObject({ ok: true })
}

describe('the page in Chromium', () => {
  it('plays in real time over takes between unlike sources, and takes by click and key', async () => {
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: QUIET.split(' ') })
    try {
      const page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
      const faults: string[] = []
      page.on('pageerror', (error) => faults.push(error.message))
      await page.goto(`${sluice.address}/`)
      await played(page)
      const playback = await playbackOf(page, async () => {
        for (let i = 0; i < TAKES; i++) {
          await take(['two', 'three', 'one'][i % 3]!)
          await seconds(1)
        }
      })
      expect(playback.longestStallMs).toBeLessThan(500)
      // Near the live edge the player may run a tenth faster until it has caught up.
      expect(playback.rate).toBeGreaterThan(0.95)
      expect(playback.rate).toBeLessThan(1.12)
      await page.keyboard.press('0')
      await sluice.onAir('one', 3_000)
      await page.getByText('three', { exact: true }).first().click()
      await sluice.onAir('three', 3_000)
      await page.getByText('On air', { exact: true }).first().waitFor()
      await page.setViewportSize({ width: 390, height: 844 })
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390)
      expect(faults).toEqual([])
    } finally {
      await browser.close()
    }
  })
})

describe('players of other makes', () => {
  it('FFmpeg and VLC play the program over takes without a complaint', async () => {
    const nobody = ['--reuid', 'nobody', '--regid', 'nogroup', '--clear-groups', 'env', 'HOME=/tmp']
    const vlc = [
      'cvlc',
      '-q',
      '-I',
      'dummy',
      '--vout',
      'dummy',
      '--aout',
      'dummy',
      '--run-time',
      '4',
      '--play-and-exit',
    ]
    const url = `${sluice.address}/stream.ts`
    const players = {
      ffmpeg: bench.program('ffmpeg', [
        '-v',
        'error',
        '-nostdin',
        '-i',
        url,
        '-t',
        '4',
        '-f',
        'null',
        '-',
      ]),
      vlc: bench.program('setpriv', [...nobody, ...vlc, url, 'vlc://quit']),
    }
    for (const id of ['one', 'two', 'three', 'one']) {
      await seconds(1)
      await sluice.take(id)
    }
    expect(await players.ffmpeg.ended).toBe(0)
    expect(players.ffmpeg.output()).toBe('')
    expect(await players.vlc.ended).toBe(0)
    expect(players.vlc.output()).not.toMatch(/error|discontinuity|late/i)
  })
})

describe('outputs', () => {
  it('sends UDP at a constant rate and RTP, each without a flaw and with PCR on time', async () => {
    const rtp = await freePort()
    const received: Buffer[] = []
    const arrivals: number[] = []
    const socket = createSocket('udp4')
    socket.on('message', (datagram) => {
      received.push(datagram)
      arrivals.push(performance.now())
    })
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', () => resolve()))
    const { port } = socket.address()
    const url = `udp://127.0.0.1:${port}?bitrate=6000000`
    expect(await sluice.send('POST', '/outputs', { id: 'cbr', url })).toMatchObject({ id: 'cbr' })
    const sdp = ['-v', 'error', '-nostdin', '-i', `rtp://127.0.0.1:${rtp}`, '-t', '3', '-c', 'copy']
    const receiver = bench.program('ffmpeg', [...sdp, '-f', 'mpegts', bench.path('rtp.ts')])
    await sluice.send('POST', '/outputs', { id: 'rtp', url: `rtp://127.0.0.1:${rtp}` })
    for (const id of ['two', 'one', 'three', 'one']) {
      await seconds(1.2)
      await sluice.take(id)
    }
    expect(await receiver.ended).toBe(0)
    socket.close()
    expect(statSync(bench.path('rtp.ts')).size).toBeGreaterThan(50_000)
    const stream = Buffer.concat(received)
    const lasted = (arrivals.at(-1)! - arrivals[0]!) / 1_000
    expect((stream.length * 8) / lasted / 6_000_000).toBeCloseTo(1, 1)
    const report = await analyze(stream)
    // On a machine that was busy for a moment, tables leave late; all else must hold even then.
    const late = /^(?:pat|pmt)_interval_program$/
    expect(
      report.violations.filter(({ code, severity }) => severity === 'error' && !late.test(code)),
    ).toEqual([])
  })

  it('wrote the whole program to a file, and writes it to standard output', async () => {
    const expected = { frameTicks: 3_600, seconds: 6 }
    await sluice.stop()
    expect(await verdictOf(bench.path('program.ts'), expected)).toEqual(FLAWLESS)
    // The reader leaves first; the program goes on for others until it is told to stop.
    const sluiceRun = `timeout -s TERM 6 "${process.execPath}" "${bench.main}" run --listen 127.0.0.1:0`
    const probe = 'ffprobe -v error -show_entries stream=codec_name -of csv=p=0 -'
    const command = `${sluiceRun} -s 'bars:?size=320x180' -o - 2>"${bench.path('err')}" | ${probe}`
    const codecs = execFileSync('sh', ['-c', command], { encoding: 'utf8', timeout: 30_000 })
    expect(codecs.trim().split('\n').slice(0, 2)).toEqual(['h264', 'aac'])
    expect(readFileSync(bench.path('err'), 'utf8')).toMatch(/Sluice is on the air/)
  })
})
